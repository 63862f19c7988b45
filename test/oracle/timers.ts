/** What has to come by itself: evaluations in silence, and the ends of `keep_firing_for`. */
import type { Agent, Cell } from "./agent.ts";
import type { Ground } from "./ground.ts";
import type { OracleRule } from "./rule.ts";
import { silentSinceUs } from "./world.ts";

/** Something that is due for an agent. */
export interface Timer {
  readonly dueUs: number;
  readonly agent: Agent;
  /** The rules to evaluate; or the one whose episode ends. */
  readonly rule: OracleRule;
  readonly isEnd: boolean;
}

/** Timers come at whole milliseconds. */
export function nextMillisecond(instantUs: number): number {
  return Math.ceil(instantUs / 1_000) * 1_000;
}

/** What is due for an agent, some time or other. */
export function timersOf(ground: Ground, agent: Agent): Timer[] {
  return ground.rules.flatMap((rule) => {
    const cell = agent.cell(rule.name);
    if (!cell.isMatching) return [];
    const evaluations = evaluationsDue(ground, rule, agent, cell)
      .map(nextMillisecond)
      .filter((dueUs) => dueUs > cell.evaluatedUs)
      .map((dueUs): Timer => ({ dueUs, agent, rule, isEnd: false }));
    if (cell.endingSinceUs === undefined) return evaluations;
    const dueUs = nextMillisecond(cell.endingSinceUs + rule.keepUs);
    return [...evaluations, { dueUs, agent, rule, isEnd: true }];
  });
}

/** When a rule has to be evaluated though nothing comes. */
function evaluationsDue(
  ground: Ground,
  { reads, forUs }: OracleRule,
  agent: Agent,
  cell: Cell,
): readonly number[] {
  const silences = reads.silences.flatMap(({ kind, metric, afterUs }) => {
    if (kind === "age" && !agent.series.has(metric)) return [];
    const sinceUs =
      kind === "absent"
        ? silentSinceUs(agent, metric, ground.around)
        : Math.max(agent.series.get(metric)?.atUs ?? 0, ground.restartedUs);
    return [sinceUs + afterUs];
  });
  const isWaiting = cell.state === "pending" && reads.silences.length > 0;
  return isWaiting ? [...silences, cell.sinceUs + forUs] : silences;
}
