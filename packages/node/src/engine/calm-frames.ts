/**
 * Frames that concern no rule, the most by far: they take a shorter way, looked through once.
 *
 * Invariants
 * 1. A frame is calm when no sample of it concerns a rule, no rule is pending or firing for its agent, and nothing is due
 *    before it. It leaves what it would leave if each of its instants were evaluated: the latest sample of each metric.
 * 2. Nothing of a frame that is not calm is counted here, and what was stored of it is stored again by the longer way.
 */
import type { AgentTable } from "./agent-table.ts";
import type { EngineCounters } from "./counters.ts";
import type { Evaluator } from "./evaluator.ts";
import type { MetricColumn, MetricColumns } from "./metric-columns.ts";
import { nodePart, partsPerAgent } from "./parts.ts";

export interface CalmFramesOptions {
  readonly agents: AgentTable;
  readonly columns: MetricColumns;
  readonly evaluator: Pick<Evaluator, "isDueBefore">;
  readonly counters: EngineCounters;
  /** Decides on a sample that is not plainly newer than its series. */
  readonly admit: (column: MetricColumn, slot: number, part: number) => boolean;
}

export class CalmFrames {
  readonly #agents: AgentTable;
  readonly #columns: MetricColumns;
  readonly #evaluator: CalmFramesOptions["evaluator"];
  readonly #counters: EngineCounters;
  readonly #admit: CalmFramesOptions["admit"];
  /** Counts the calm frames of several instants; by metric, the latest of them that held a sample of it. */
  #frame = 0;
  #frames: Float64Array = new Float64Array(0);
  /** Of the frame at hand: the instant of its last evaluation, of the last at which there was a rule, and how many there were. */
  #calmUs = 0;
  #calmEvaluatedUs = 0;
  #evaluations = 0;

  constructor(options: CalmFramesOptions) {
    this.#agents = options.agents;
    this.#columns = options.columns;
    this.#evaluator = options.evaluator;
    this.#counters = options.counters;
    this.#admit = options.admit;
  }

  /** Takes samples in order of time, none of them late, if they are calm. */
  take(
    slot: number,
    part: number,
    from: number,
    to: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
  ): boolean {
    const agents = this.#agents;
    if (from === to || agents.busyRules[slot] !== 0 || agents.isNew[slot] === 1) return false;
    return timesUs[from] === timesUs[to - 1]
      ? this.#storeInstant(slot, part, from, to, metrics, values, timesUs)
      : this.#storeFrame(slot, part, from, to, metrics, values, timesUs);
  }

  /**
   * Stores a quiet agent's samples of one instant while they are calm: what was stored before one that is not is stored
   * once more with it. False when evaluating may do something, or a sample needs a decision. To store at once in place of
   * looking first takes a third less time.
   */
  #storeInstant(
    slot: number,
    part: number,
    from: number,
    to: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
  ): boolean {
    const agents = this.#agents;
    const sampleUs = timesUs[from] as number;
    const { timesUs: presentUs, evaluatedUs } = agents;
    const instantUs = instantOf(sampleUs, presentUs[slot] as number, evaluatedUs[slot] as number);
    if (this.#evaluator.isDueBefore(slot, instantUs)) return false;
    const { all, lows, highs, readerCounts } = this.#columns;
    let evaluations = 0;
    for (let index = from; index < to; index += 1) {
      const metric = metrics[index] as number;
      const value = values[index] as number;
      if (!(value < (lows[metric] as number) || value > (highs[metric] as number))) return false;
      const { timesUs: seriesUs, values: latest, writers } = all[metric] as MetricColumn;
      if (!(slot < seriesUs.length && sampleUs >= (seriesUs[slot] as number))) return false;
      latest[slot] = value;
      seriesUs[slot] = sampleUs;
      writers[slot] = part;
      evaluations += readerCounts[metric] as number;
    }
    presentUs[slot] = instantUs;
    agents.newestUs[slot * partsPerAgent + part] = sampleUs;
    if (part !== nodePart && sampleUs > (agents.sampledUs[slot] as number))
      agents.sampledUs[slot] = sampleUs;
    if (evaluations === 0) return true;
    evaluatedUs[slot] = instantUs;
    agents.inputs[slot] = (agents.inputs[slot] as number) + 1;
    this.#counters.evaluations += evaluations;
    return true;
  }

  /** Stores of a quiet agent's frame the last sample of each metric; false when it is not calm, and nothing is stored. */
  #storeFrame(
    slot: number,
    part: number,
    from: number,
    to: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
  ): boolean {
    if (!this.#isCalm(slot, part, from, to, metrics, values, timesUs)) return false;
    const columns = this.#columns.all;
    if (this.#frames.length < columns.length)
      this.#frames = new Float64Array(this.#columns.lows.length);
    const frames = this.#frames;
    const frame = ++this.#frame;
    for (let index = to - 1; index >= from; index -= 1) {
      const metric = metrics[index] as number;
      if (frames[metric] === frame) continue;
      const column = columns[metric] as MetricColumn;
      const timeUs = timesUs[index] as number;
      const seriesUs = column.timesUs;
      const isNewer = slot < seriesUs.length && timeUs >= (seriesUs[slot] as number);
      if (!isNewer && !this.#admit(column, slot, part)) continue;
      frames[metric] = frame;
      column.values[slot] = values[index] as number;
      column.timesUs[slot] = timeUs;
      column.writers[slot] = part;
    }
    const agents = this.#agents;
    const newestUs = timesUs[to - 1] as number;
    agents.timesUs[slot] = this.#calmUs;
    agents.evaluatedUs[slot] = this.#calmEvaluatedUs;
    agents.newestUs[slot * partsPerAgent + part] = newestUs;
    if (part !== nodePart) agents.sampledUs[slot] = newestUs;
    if (this.#evaluations > 0) agents.inputs[slot] = (agents.inputs[slot] as number) + 1;
    return true;
  }

  /** Whether evaluating at each instant of a quiet agent's samples would do nothing; tells what time it is then for the agent. */
  #isCalm(
    slot: number,
    part: number,
    from: number,
    to: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
  ): boolean {
    const agents = this.#agents;
    let presentUs = agents.timesUs[slot] as number;
    let evaluatedUs = agents.evaluatedUs[slot] as number;
    // What belongs to the node's own part is sent by nobody else.
    const seriesUs = part === nodePart ? presentUs : (agents.sampledUs[slot] as number);
    let sampleUs = timesUs[from] as number;
    if (sampleUs < seriesUs) return false;
    const { lows, highs, readerCounts } = this.#columns;
    let evaluations = 0;
    let evaluationsBefore = 0;
    presentUs = instantOf(sampleUs, presentUs, evaluatedUs);
    for (let index = from; index < to; index += 1) {
      const metric = metrics[index] as number;
      const value = values[index] as number;
      if (!(value < (lows[metric] as number) || value > (highs[metric] as number))) return false;
      if (timesUs[index] !== sampleUs) {
        if (evaluations > evaluationsBefore) evaluatedUs = presentUs;
        evaluationsBefore = evaluations;
        sampleUs = timesUs[index] as number;
        presentUs = instantOf(sampleUs, presentUs, evaluatedUs);
      }
      evaluations += readerCounts[metric] as number;
    }
    if (this.#evaluator.isDueBefore(slot, presentUs)) return false;
    this.#calmUs = presentUs;
    this.#calmEvaluatedUs = evaluations > evaluationsBefore ? presentUs : evaluatedUs;
    this.#evaluations = evaluations;
    this.#counters.evaluations += evaluations;
    return true;
  }
}

/** When what was observed at `atUs` is evaluated for an agent at which it is `presentUs`. */
export function instantOf(atUs: number, presentUs: number, evaluatedUs: number): number {
  if (atUs >= presentUs) return atUs;
  return evaluatedUs === presentUs ? presentUs + 1 : presentUs;
}
