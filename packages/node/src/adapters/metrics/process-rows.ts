import { performance } from "node:perf_hooks";
import process from "node:process";
import { getHeapStatistics } from "node:v8";
import type { ProcessFacts, ProcessProbe } from "./process-probe.ts";
import { counter, gauge, histogram, type MetricRow } from "./row.ts";

/** The process that the node runs in. Names are those that Prometheus' clients have, where there are any. */
export function processRows(probe: ProcessProbe, facts: ProcessFacts): MetricRow[] {
  const memory = process.memoryUsage();
  const heap = getHeapStatistics();
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  return [
    counter("process_cpu_user_seconds_total", "Processor time in user mode", () => cpu.user / 1e6),
    counter(
      "process_cpu_system_seconds_total",
      "Processor time in the system",
      () => cpu.system / 1e6,
    ),
    counter(
      "process_cpu_seconds_total",
      "Processor time, of all threads",
      () => (cpu.user + cpu.system) / 1e6,
    ),
    gauge(
      "process_start_time_seconds",
      "Start of the process, since the epoch",
      () => performance.timeOrigin / 1000,
    ),
    gauge("process_resident_memory_bytes", "Memory in use, resident", () => memory.rss),
    gauge("process_virtual_memory_bytes", "Memory mapped", () => facts.virtualBytes),
    gauge("process_open_fds", "Open file descriptors", () => facts.openFiles),
    gauge("process_max_fds", "Most file descriptors there may be", () => facts.maxFiles),
    gauge("nodejs_heap_size_total_bytes", "Size of the heap", () => memory.heapTotal),
    gauge("nodejs_heap_size_used_bytes", "Of the heap in use", () => memory.heapUsed),
    gauge("nodejs_heap_size_limit_bytes", "Most the heap may be", () => heap.heap_size_limit),
    gauge("nodejs_external_memory_bytes", "Memory outside the heap", () => memory.external),
    gauge("nodejs_array_buffers_bytes", "Of that, buffers", () => memory.arrayBuffers),
    counter(
      "nodejs_eventloop_busy_seconds_total",
      "Time in which the loop worked; its rate is the loop's utilisation",
      () => loop.active / 1000,
    ),
    counter(
      "nodejs_eventloop_idle_seconds_total",
      "Time in which the loop waited",
      () => loop.idle / 1000,
    ),
    histogram(
      "nodejs_eventloop_delay_seconds",
      "How late a timer of the loop came, from the first scrape on",
      () => [[{}, probe.loopDelayUs]],
    ),
    histogram(
      "nodejs_gc_duration_seconds",
      "Pauses for the collection of garbage by kind, from the first scrape on",
      () => [...probe.gcUs].map(([kind, pauses]) => [{ kind }, pauses]),
    ),
  ];
}
