/*
 * The weights of the score, moving towards what is violated.
 *
 * Invariants:
 * 1. The three weights add up to 1, each within [leastWeight, mostWeight].
 * 2. They change only after every `every` executions, each by `mostStep` at the most.
 */
import { defaultScoreWeights, type Importance, type ScoreWeights } from "./score.ts";

/** A weight is never less, so that no consideration is forgotten. */
export const leastWeight = 0.05;
/** What a weight has when the others have their least. */
export const mostWeight: number = 1 - 2 * leastWeight;
/** The most that one weight moves at a time. */
export const mostStep = 0.05;

/** Business weight from which on an instruction is important business. */
const importantPriority = 8;
/** A service level up to this is tight, microseconds. */
const tightSlaUs = 10_000;
/** Agents from which on an impact is wide. */
const wideImpact = 100;

/** Violations of service levels by what they share; one violation may count in all three. */
export interface ViolationCounts {
  /** By instructions of high business weight. */
  readonly business: number;
  /** By instructions with a tight service level. */
  readonly urgency: number;
  /** By instructions of rules that fire on many agents. */
  readonly impact: number;
}

/**
 * The weights one step nearer to the shares of the violations. With no violations they stay. The
 * shares are drawn into the bounds first, which keeps their sum.
 */
export function steppedWeights(weights: ScoreWeights, violations: ViolationCounts): ScoreWeights {
  const total = violations.business + violations.urgency + violations.impact;
  if (total === 0) return weights;
  const room = mostWeight - leastWeight;
  const differenceOf = (name: keyof ScoreWeights): number =>
    leastWeight + (room * violations[name]) / total - weights[name];
  const business = differenceOf("business");
  const urgency = differenceOf("urgency");
  const impact = differenceOf("impact");
  const widest = Math.max(Math.abs(business), Math.abs(urgency), Math.abs(impact));
  const share = widest > mostStep ? mostStep / widest : 1;
  return {
    business: weights.business + share * business,
    urgency: weights.urgency + share * urgency,
    impact: weights.impact + share * impact,
  };
}

/** How an instruction ended, as far as the weights care. */
export interface EndOfInstruction {
  readonly isExecuted: boolean;
  /** True when it had a service level and was not executed within it: late, or not at all. */
  readonly isViolated: boolean;
}

/** Counts executions and violations, and moves the weights by them. */
export class AdaptingWeights {
  readonly #every: number;
  #weights: ScoreWeights = defaultScoreWeights;
  #executions = 0;
  #violations = { business: 0, urgency: 0, impact: 0 };

  /** `every` is the number of executions between two steps; 0 leaves the weights as they are. */
  constructor(every: number) {
    this.#every = every;
  }

  /** The weights in force now. */
  get weights(): ScoreWeights {
    return this.#weights;
  }

  /** Notes the end of an instruction: by execution or not, and whether its service level was violated. */
  ended(importance: Importance, end: EndOfInstruction): void {
    if (end.isViolated) {
      const { priority, slaUs, impact } = importance;
      if (priority >= importantPriority) this.#violations.business += 1;
      if (slaUs !== undefined && slaUs <= tightSlaUs) this.#violations.urgency += 1;
      if (impact >= wideImpact) this.#violations.impact += 1;
    }
    if (!end.isExecuted) return;
    this.#executions += 1;
    if (this.#every === 0 || this.#executions < this.#every) return;
    this.#weights = steppedWeights(this.#weights, this.#violations);
    this.#executions = 0;
    this.#violations = { business: 0, urgency: 0, impact: 0 };
  }
}
