import type { Random } from "@myelin/core/random";

/** How long to wait between tries to connect. */
export interface BackoffOptions {
  /** The first wait is up to this, in milliseconds; each further one up to twice the previous bound. */
  readonly baseMs: number;
  /** No wait is longer than this, in milliseconds. */
  readonly capMs: number;
}

/**
 * How long to wait after `attempt` failed tries, in microseconds: exponential with full jitter
 * (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015).
 */
export function backoffUs(attempt: number, options: BackoffOptions, random: Random): number {
  const boundMs = Math.min(options.capMs, options.baseMs * 2 ** Math.min(attempt - 1, 30));
  return random.float() * boundMs * 1e3;
}
