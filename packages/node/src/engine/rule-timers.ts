/** When a rule that reads silence is to be evaluated for an agent though nothing comes. */
import type { TimerInput } from "@myelin/core/rules";
import type { AgentTable } from "./agent-table.ts";
import { grownFloat64 } from "./growth.ts";
import type { MetricColumn } from "./metric-columns.ts";
import { timerInstantUs } from "./timer-heap.ts";

/** From when on `absent` counts: the last sample, or the agent's joining if that was later, also to a node that started again. */
export function silentSinceUs(column: MetricColumn, slot: number, agents: AgentTable): number {
  const sinceUs = Math.max(agents.joinedAtUs[slot] as number, agents.restartedUs);
  const lastUs = column.timesUs[slot] as number;
  return lastUs > sinceUs ? lastUs : sinceUs;
}

/** From when on `age` counts: the last sample, but not before the node started again; NaN when there was none. */
export function agesFromUs(column: MetricColumn, slot: number, agents: AgentTable): number {
  return Math.max(column.timesUs[slot] as number, agents.restartedUs);
}

/** An instant after a metric's last sample. */
interface Silence {
  readonly column: MetricColumn;
  readonly isAbsence: boolean;
  readonly afterUs: number;
}

export class RuleTimers {
  /** Whether the rule is to be evaluated when it comes into force, and for whom it begins to match. */
  readonly hasAbsence: boolean;
  readonly #silences: readonly Silence[];
  /** By slot, when the rule was last evaluated: what was due until then is past. */
  #evaluatedUs: Float64Array;

  constructor(
    inputs: readonly TimerInput[],
    columnOf: (metric: string) => MetricColumn,
    capacity: number,
  ) {
    this.#silences = inputs.map(({ kind, metric, afterUs }) => ({
      column: columnOf(metric),
      isAbsence: kind === "absent",
      afterUs,
    }));
    this.hasAbsence = this.#silences.some(({ isAbsence }) => isAbsence);
    this.#evaluatedUs = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY);
  }

  get columns(): readonly MetricColumn[] {
    return this.#silences.map(({ column }) => column);
  }

  /** The shortest silence of a metric that the rule waits for. */
  shortestUs(column: MetricColumn): number {
    const all = this.#silences.filter((silence) => silence.column === column);
    return Math.min(...all.map(({ afterUs }) => afterUs));
  }

  grow(capacity: number): void {
    this.#evaluatedUs = grownFloat64(this.#evaluatedUs, capacity, Number.NEGATIVE_INFINITY);
  }

  evaluated(slot: number, atUs: number): void {
    this.#evaluatedUs[slot] = atUs;
  }

  /** It is as if the rule had never been evaluated for the agent. */
  forget(slot: number): void {
    this.#evaluatedUs[slot] = Number.NEGATIVE_INFINITY;
  }

  forgetAll(): void {
    this.#evaluatedUs.fill(Number.NEGATIVE_INFINITY);
  }

  /** The next instant; Infinity when there is none. `pendingEndUs` is when what is pending may fire, NaN when nothing is. */
  nextUs(slot: number, agents: AgentTable, pendingEndUs: number): number {
    const evaluatedUs = this.#evaluatedUs[slot] as number;
    let nextUs = Number.POSITIVE_INFINITY;
    const pendingUs = timerInstantUs(pendingEndUs);
    if (pendingUs > evaluatedUs) nextUs = pendingUs;
    for (const { column, isAbsence, afterUs } of this.#silences) {
      const sinceUs = isAbsence
        ? silentSinceUs(column, slot, agents)
        : agesFromUs(column, slot, agents);
      const dueUs = timerInstantUs(sinceUs + afterUs);
      if (dueUs > evaluatedUs && dueUs < nextUs) nextUs = dueUs;
    }
    return nextUs;
  }
}
