/**
 * Measures the turns of the process's event loop, from inside: loaded into the node with `--import`,
 * it is told by the parent when to begin and when to tell. While it measures the loop does not
 * sleep, so that from one callback to the next is one turn.
 */
import process from "node:process";

/** The longest turns since the beginning, microseconds. */
export interface TurnFigures {
  readonly turns: number;
  readonly longestUs: number;
  /** By the processor time of the loop's thread, without what others took of the machine. */
  readonly longestCpuUs: number;
}

let isMeasuring = false;
let turns = 0;
let longestUs = 0;
let longestCpuUs = 0;
let atUs = 0;
let cpuUs = 0;

/** Processor time of the loop's thread. That of the process is asked first, for the kernel then brings the thread's up to now. */
function threadCpuUs(): number {
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function turn(): void {
  if (!isMeasuring) return;
  const nowUs = performance.now() * 1e3;
  const nowCpuUs = threadCpuUs();
  turns++;
  if (nowUs - atUs > longestUs) longestUs = nowUs - atUs;
  if (nowCpuUs - cpuUs > longestCpuUs) longestCpuUs = nowCpuUs - cpuUs;
  atUs = nowUs;
  cpuUs = nowCpuUs;
  setImmediate(turn);
}

function begin(): void {
  [turns, longestUs, longestCpuUs] = [0, 0, 0];
  isMeasuring = true;
  atUs = performance.now() * 1e3;
  cpuUs = threadCpuUs();
  setImmediate(turn);
}

process.on("message", (message) => {
  if (message === "begin") begin();
  else isMeasuring = false;
  process.send?.(message === "begin" ? "begun" : { turns, longestUs, longestCpuUs });
});
process.channel?.unref();
