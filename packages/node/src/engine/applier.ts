/**
 * Applies samples: the path that every sample takes, so nothing on it allocates or calls further than it must.
 *
 * Invariants
 * 1. Samples of one evaluation are all stored before a rule is evaluated.
 * 2. Samples behind the agent's evaluation time are evaluated instant by instant too, so that no dip or
 *    peak among them is passed over; each such evaluation is a microsecond after the one before, so that
 *    no two episodes begin at the same instant.
 * 3. A rule is not noted where its evaluation would change nothing: it is inactive, and its condition asks
 *    for other values of the metric. It counts as evaluated all the same.
 * 4. Late and future samples, and those for which there is no room, change nothing but their counters; in a
 *    calm frame of several instants the latter's instants count.
 */
import type { PresentEvent } from "@myelin/core/rules";
import type { AgentTable } from "./agent-table.ts";
import { CalmFrames, instantOf } from "./calm-frames.ts";
import type { EngineCounters } from "./counters.ts";
import type { Evaluator } from "./evaluator.ts";
import { type MetricColumn, type MetricColumns, noPart } from "./metric-columns.ts";
import { nodePart, partsPerAgent } from "./parts.ts";
import type { Readings } from "./readings.ts";
import { INACTIVE } from "./rule-runtime.ts";
import type { RuleSet } from "./rule-set.ts";

/** What an applier works on. */
export interface ApplierOptions {
  readonly agents: AgentTable;
  readonly columns: MetricColumns;
  readonly rules: RuleSet;
  readonly readings: Readings;
  readonly evaluator: Evaluator;
  readonly counters: EngineCounters;
  readonly futureToleranceUs: number;
}

export class Applier {
  readonly #agents: AgentTable;
  readonly #columns: MetricColumns;
  readonly #rules: RuleSet;
  readonly #readings: Readings;
  readonly #evaluator: Evaluator;
  readonly #counters: EngineCounters;
  readonly #futureToleranceUs: number;
  readonly #calmFrames: CalmFrames;
  /** Rules that were not noted for the latest evaluation, since it would change nothing. */
  #passedCount = 0;
  /** Whether something but the latest value is kept of what was stored last. */
  #isFollowed = false;

  constructor(options: ApplierOptions) {
    this.#agents = options.agents;
    this.#columns = options.columns;
    this.#rules = options.rules;
    this.#readings = options.readings;
    this.#evaluator = options.evaluator;
    this.#counters = options.counters;
    this.#futureToleranceUs = options.futureToleranceUs;
    this.#calmFrames = new CalmFrames({
      ...options,
      admit: (column, slot, part) => this.#admit(column, slot, part),
    });
  }

  /** See `Engine.apply`. */
  apply(
    slot: number,
    part: number,
    count: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
    nowUs: number,
  ): void {
    const agents = this.#agents;
    const evaluator = this.#evaluator;
    const counters = this.#counters;
    counters.samples += count;
    if (!agents.has(slot)) {
      counters.refused += count;
      return;
    }
    const tenancy = agents.generations[slot];
    const newestUs = agents.newestUs[slot * partsPerAgent + part] as number;
    const limitUs = nowUs + this.#futureToleranceUs;
    let end = count;
    while (end > 0 && !((timesUs[end - 1] as number) <= limitUs)) end -= 1;
    let from = 0;
    while (from < end && (timesUs[from] as number) < newestUs) from += 1;
    counters.future += count - end;
    counters.late += from;
    if (this.#calmFrames.take(slot, part, from, end, metrics, values, timesUs)) return;
    while (from < end && agents.generations[slot] === tenancy) {
      const sampleUs = timesUs[from] as number;
      const instantUs = this.#instantFor(slot, sampleUs);
      if (
        evaluator.isDueBefore(slot, instantUs) &&
        evaluator.runTimersBefore(slot, instantUs, nowUs)
      )
        continue;
      let to = end;
      if ((timesUs[end - 1] as number) > sampleUs) {
        to = from + 1;
        while ((timesUs[to] as number) === sampleUs) to += 1;
      }
      if (this.#store(slot, part, from, to, metrics, values, timesUs)) {
        agents.timesUs[slot] = instantUs;
        if (evaluator.notedCount > 0 || this.#passedCount > 0 || this.#isFollowed)
          agents.inputs[slot] = (agents.inputs[slot] as number) + 1;
        if (agents.isNew[slot] === 1) evaluator.admitNew(slot);
        if (evaluator.notedCount > 0) evaluator.evaluate(slot, part, instantUs, nowUs, undefined);
        else if (this.#passedCount > 0) agents.evaluatedUs[slot] = instantUs;
      }
      from = to;
    }
  }

  /**
   * Takes an event of the agent: each is evaluated at an instant of its own.
   * @param atUs Whole microseconds on the node's clock.
   */
  applyEvent(slot: number, part: number, event: PresentEvent, atUs: number, nowUs: number): void {
    const agents = this.#agents;
    const counters = this.#counters;
    if (!agents.has(slot)) return;
    if (!(atUs <= nowUs + this.#futureToleranceUs)) {
      counters.future += 1;
      return;
    }
    if (atUs < (agents.newestEventUs[slot * partsPerAgent + part] as number)) {
      counters.late += 1;
      return;
    }
    const tenancy = agents.generations[slot];
    while (this.#evaluator.runTimersBefore(slot, this.#instantFor(slot, atUs), nowUs))
      if (agents.generations[slot] !== tenancy) return;
    const instantUs = this.#eventInstantFor(slot, atUs);
    agents.newestEventUs[slot * partsPerAgent + part] = atUs;
    agents.timesUs[slot] = instantUs;
    agents.inputs[slot] = (agents.inputs[slot] as number) + 1;
    this.#readings.event(slot, event.type, atUs);
    for (const rule of this.#rules.eventReaders)
      if (rule.readsEvent(event.type)) this.#evaluator.note(rule);
    this.#evaluator.admitNew(slot);
    this.#evaluator.evaluateEvent(slot, part, event, instantUs, nowUs);
  }

  /** When what was observed at `atUs` is evaluated. */
  #instantFor(slot: number, atUs: number): number {
    const { timesUs, evaluatedUs } = this.#agents;
    return instantOf(atUs, timesUs[slot] as number, evaluatedUs[slot] as number);
  }

  #eventInstantFor(slot: number, atUs: number): number {
    const instantUs = this.#instantFor(slot, atUs);
    const evaluatedUs = this.#agents.evaluatedUs[slot] as number;
    return evaluatedUs >= atUs ? Math.max(instantUs, evaluatedUs + 1) : instantUs;
  }

  /** Stores the samples of one evaluation and notes the rules that read them; false when none was applied. */
  #store(
    slot: number,
    part: number,
    from: number,
    to: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
  ): boolean {
    const columns = this.#columns.all;
    const { readers, readerLows, readerHighs, readerStates } = this.#rules;
    const { stamp, stamps, noted } = this.#evaluator;
    let notedCount = 0;
    let passedCount = 0;
    let isFollowed = false;
    let newestUs = Number.NEGATIVE_INFINITY;
    for (let index = from; index < to; index += 1) {
      const column = columns[metrics[index] as number] as MetricColumn;
      const value = values[index] as number;
      const timeUs = timesUs[index] as number;
      const seriesUs = column.timesUs;
      // The length is asked first: a load beyond the end would make every load slow (measured: 1.15×).
      const isNewer = slot < seriesUs.length && timeUs >= (seriesUs[slot] as number);
      if (!isNewer && !this.#admit(column, slot, part)) continue;
      newestUs = timeUs;
      column.values[slot] = value;
      column.timesUs[slot] = timeUs;
      column.writers[slot] = part;
      const { follower } = column;
      if (follower !== undefined) {
        isFollowed = true;
        follower.sample(slot, timeUs, value);
      }
      const { endReader } = column;
      for (let reader = column.firstReader; reader < endReader; reader += 1) {
        // An unknown value is neither below nor above: what it means, the condition tells.
        const isOutside =
          value < (readerLows[reader] as number) || value > (readerHighs[reader] as number);
        if (isOutside && ((readerStates[reader] as Uint8Array)[slot] as number) <= INACTIVE) {
          const isNoted = notedCount > 0 && stamps[readers[reader] as number] === stamp;
          if (!isNoted) passedCount += 1;
          continue;
        }
        const position = readers[reader] as number;
        if (stamps[position] === stamp) continue;
        stamps[position] = stamp;
        noted[notedCount] = position;
        notedCount += 1;
      }
    }
    this.#evaluator.notedCount = notedCount;
    this.#passedCount = passedCount;
    this.#isFollowed = isFollowed;
    this.#counters.evaluations += passedCount;
    if (newestUs === Number.NEGATIVE_INFINITY) return false;
    const agents = this.#agents;
    agents.newestUs[slot * partsPerAgent + part] = newestUs;
    if (part !== nodePart && newestUs > (agents.sampledUs[slot] as number))
      agents.sampledUs[slot] = newestUs;
    return true;
  }

  /** Decides on a sample that is not plainly newer than its series: the first one, or one behind another part's or time line's. */
  #admit(column: MetricColumn, slot: number, part: number): boolean {
    if (!this.#columns.makeRoom(column, slot, this.#agents.capacity)) {
      this.#counters.refused += 1;
      return false;
    }
    if (Number.isNaN(column.timesUs[slot])) {
      this.#agents.series[slot]?.push(column.index);
      return true;
    }
    // Behind a sample of its own part it can only be when that belongs to an earlier time line.
    const writer = column.writers[slot];
    if (writer === part || writer === noPart) return true;
    this.#counters.late += 1;
    return false;
  }
}
