import { MyelinError } from "@myelin/core/errors";

/** When an ended child is started again: always, after a failure (default), or never. */
export type RestartPolicy = "always" | "on-failure" | "never";

/** How a process ended: by itself with a code, or by a signal. */
export interface ProcessOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How a supervisor brings a child back. */
export interface RestartOptions {
  readonly policy: RestartPolicy;
  /** Delay before the first restart; each further one doubles it. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** A child that ran this long was healthy: the next delay is the first one again. */
  readonly healthyAfterMs: number;
  /** Restarts in a row, without a healthy run between, after which it gives up. */
  readonly maxRestarts: number;
}

/**
 * Crashes are retried for ever by default: with at most one start in 30 s that costs little, and the
 * fleet goes on seeing the agent and its `process_restarting` events instead of a silent hole.
 */
export const defaultRestartOptions: RestartOptions = {
  policy: "on-failure",
  firstDelayMs: 250,
  maxDelayMs: 30_000,
  healthyAfterMs: 10_000,
  maxRestarts: Number.POSITIVE_INFINITY,
};

/** What is to be done about an ended child. */
export type RestartDecision =
  | { readonly kind: "restart"; readonly delayMs: number; readonly attempt: number }
  | { readonly kind: "give-up"; readonly reason: "policy" | "max-restarts" };

/** Decides about restarts; remembers how many came in a row. */
export class RestartJudge {
  readonly #options: RestartOptions;
  #restartsInARow = 0;

  constructor(options: RestartOptions) {
    this.#options = options;
  }

  decide(outcome: ProcessOutcome, ranMs: number): RestartDecision {
    const { policy, firstDelayMs, maxDelayMs, healthyAfterMs, maxRestarts } = this.#options;
    if (policy === "never" || (policy === "on-failure" && outcome.code === 0)) {
      return { kind: "give-up", reason: "policy" };
    }
    if (ranMs >= healthyAfterMs) this.#restartsInARow = 0;
    if (this.#restartsInARow >= maxRestarts) return { kind: "give-up", reason: "max-restarts" };
    const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** this.#restartsInARow);
    this.#restartsInARow++;
    return { kind: "restart", delayMs, attempt: this.#restartsInARow };
  }

  /** The child was started afresh by an instruction: what went before no longer counts. */
  reset(): void {
    this.#restartsInARow = 0;
  }
}

/** @throws MyelinError INVALID_ARGUMENT */
export function parseRestartPolicy(text: string): RestartPolicy {
  if (text === "always" || text === "on-failure" || text === "never") return text;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is not a restart policy`, {
    hint: "Use always, on-failure or never.",
  });
}
