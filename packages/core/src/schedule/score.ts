/** What decides how soon an instruction leaves. */
export interface Importance {
  /** Business weight, 1 to 10. */
  readonly priority: number;
  /** How soon it should be executed, microseconds; undefined where nobody said. */
  readonly slaUs?: number | undefined;
  /** How many agents it concerns. */
  readonly impact: number;
}

/** Shares of the three considerations; they add up to 1. */
export interface ScoreWeights {
  readonly business: number;
  readonly urgency: number;
  readonly impact: number;
}

/** The shares at the start. */
export const defaultScoreWeights: ScoreWeights = { business: 0.6, urgency: 0.3, impact: 0.1 };

/**
 * The score that orders instructions, 0 to 1; the highest leaves first:
 * business · priority/10 + urgency · min(10/(sla in ms + 1), 1) + impact · min(agents/1000, 1).
 */
export function score(importance: Importance, weights: ScoreWeights = defaultScoreWeights): number {
  const { priority, slaUs, impact } = importance;
  const urgency = slaUs === undefined ? 0 : Math.min(10 / (slaUs / 1000 + 1), 1);
  return (
    weights.business * (priority / 10) +
    weights.urgency * urgency +
    weights.impact * Math.min(impact / 1000, 1)
  );
}
