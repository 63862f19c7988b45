/** One run at a steady rate. */
export interface Pace {
  readonly ratePerSecond: number;
  readonly durationUs: number;
  /** Called once for each message, with the time it was meant to leave, on `nowUs`'s scale. */
  readonly send: (intendedUs: number) => void;
}

/** Microseconds of this process's monotonic clock. */
export function nowUs(): number {
  return performance.now() * 1e3;
}

/**
 * Sends at a steady rate whatever comes back when (open loop), so that a stall is felt by every
 * message that it delays. It turns the event loop without sleeping, because timers are a
 * millisecond coarse; that costs a core and leaves input its chance at every turn.
 */
export function openLoop(pace: Pace): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const intervalUs = 1e6 / pace.ratePerSecond;
  const startUs = nowUs();
  const count = Math.round(pace.durationUs / intervalUs);
  let sent = 0;
  const turn = (): void => {
    const now = nowUs();
    while (sent < count && startUs + sent * intervalUs <= now) {
      pace.send(startUs + sent * intervalUs);
      sent++;
    }
    if (sent < count) setImmediate(turn);
    else resolve();
  };
  turn();
  return promise;
}
