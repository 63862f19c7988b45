/** One run at a steady rate. */
export interface Pace {
  readonly ratePerSecond: number;
  readonly durationUs: number;
  /** Called once for each message, with the time it was meant to leave, on `nowUs`'s scale. */
  readonly send: (intendedUs: number) => void;
  /**
   * Sleeps for so long where nothing is due, in microseconds, and then sends all that has become due. It leaves the
   * core to others, and what comes in waits meanwhile; not at all by default.
   */
  readonly restUs?: number;
}

/** Microseconds of this process's monotonic clock. */
export function nowUs(): number {
  return performance.now() * 1e3;
}

const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));

/**
 * Sends at a steady rate whatever comes back when (open loop), so that a stall is felt by every
 * message that it delays. It turns the event loop without its timers, which are a millisecond
 * coarse: without a rest that costs a core, and leaves input its chance at once.
 */
export function openLoop(pace: Pace): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const intervalUs = 1e6 / pace.ratePerSecond;
  const startUs = nowUs();
  const count = Math.round(pace.durationUs / intervalUs);
  const restMs = (pace.restUs ?? 0) / 1e3;
  let sent = 0;
  const turn = (): void => {
    const now = nowUs();
    const sentBefore = sent;
    while (sent < count && startUs + sent * intervalUs <= now) {
      pace.send(startUs + sent * intervalUs);
      sent++;
    }
    if (restMs > 0 && sent === sentBefore) Atomics.wait(nobodyWakes, 0, 0, restMs);
    if (sent < count) setImmediate(turn);
    else resolve();
  };
  turn();
  return promise;
}
