import type { Clock, Timer } from "@myelin/core/clock";

/** Longest delay that timers of the platform take; longer ones are cut. */
const longestDelayMs = 2 ** 31 - 1;

/** The platform's clock: the wall clock at the start of the process, carried on by the monotonic one. */
export const systemClock: Clock = {
  nowUs: () => (performance.timeOrigin + performance.now()) * 1e3,
  schedule: (delayUs, callback): Timer => {
    // Timers count in whole milliseconds and may run almost one early.
    const delayMs = Math.min(Math.floor(Math.max(delayUs, 0) / 1e3) + 1, longestDelayMs);
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  defer: (callback) => {
    // Browsers have no setImmediate.
    if (typeof setImmediate === "function") setImmediate(callback);
    else setTimeout(callback, 0);
  },
};

/** The wall clock, microseconds since the Unix epoch; it may step. */
export function systemWallUs(): number {
  return Date.now() * 1e3;
}
