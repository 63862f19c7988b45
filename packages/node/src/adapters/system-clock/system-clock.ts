import type { Clock, Timer } from "../../ports/clock.ts";

/** How often the wall clock is looked at, microseconds. */
const lookEveryUs = 1e6;
/** Differences from the wall clock below this are left to the kernel's own slewing. */
const stepUs = 500_000;
/** The longest delay that setTimeout takes, milliseconds. */
const longestDelayMs = 2 ** 31 - 1;

/**
 * The machine's clock: wall-clock time that never goes back while the process lives. It runs on the
 * monotonic clock and follows the wall clock's steps forward (a suspended laptop, a late NTP answer)
 * within a second; a step back is not followed.
 */
export function systemClock(): Clock {
  let anchorUs = performance.timeOrigin * 1e3;
  let nextLookUs = 0;

  function nowUs(): number {
    const elapsedUs = performance.now() * 1e3;
    if (elapsedUs >= nextLookUs) {
      nextLookUs = elapsedUs + lookEveryUs;
      const aheadUs = Date.now() * 1e3 - (anchorUs + elapsedUs);
      if (aheadUs > stepUs) anchorUs += aheadUs;
    }
    return anchorUs + elapsedUs;
  }

  return { nowUs, schedule, defer };
}

/** setTimeout counts in whole milliseconds and may fire up to one early: a timer that is not due yet is set again. */
function schedule(delayUs: number, callback: () => void): Timer {
  const dueMs = performance.now() + delayUs / 1e3;
  let timeout: NodeJS.Timeout | undefined;
  const arm = (): void => {
    const leftMs = dueMs - performance.now();
    timeout = setTimeout(expire, Math.min(Math.max(Math.ceil(leftMs), 1), longestDelayMs));
  };
  const expire = (): void => {
    if (performance.now() < dueMs) arm();
    else callback();
  };
  arm();
  return { cancel: () => clearTimeout(timeout) };
}

function defer(callback: () => void): void {
  setImmediate(callback);
}
