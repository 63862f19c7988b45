import { performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { Resources } from "../../ports/resources.ts";

/** The process as it is: the loop's utilisation by Node's own account; the heap, and all memory, against their limits. */
export function systemResources(): Resources {
  let before = performance.eventLoopUtilization();
  const availableBytes = process.availableMemory() + process.memoryUsage.rss();
  const limitBytes = process.constrainedMemory();
  // Without a control group the answer is 0, or a number beyond what the machine has.
  const memoryBytes = limitBytes > 0 && limitBytes < availableBytes ? limitBytes : availableBytes;
  return {
    read: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      const heap = getHeapStatistics();
      return {
        loopShare: Number.isNaN(utilization) ? 0 : utilization,
        memoryShare: Math.max(
          heap.used_heap_size / heap.heap_size_limit,
          process.memoryUsage.rss() / memoryBytes,
        ),
      };
    },
  };
}
