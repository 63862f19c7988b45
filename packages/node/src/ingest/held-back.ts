/**
 * Samples that wait for older ones (RULES' `lateness`): held back until the agent's newest is so much newer, or so much time
 * has passed since they came; then they go to the engine in order of time.
 *
 * Invariants
 * 1. Of one agent they leave in order of time, those of one time in the order of their coming; but what has waited its time
 *    leaves before what has not.
 * 2. At most `maxSamples` are held, of all agents together. When one more comes, all of its agent leave at once, and are
 *    counted.
 * 3. What is too far ahead of the clock is not held: it would make all others old. The engine refuses it.
 */
import type { Engine } from "../engine/index.ts";
import type { IngestCounters } from "./counters.ts";

/** The engine, seen from here. */
type HeldFrom = Pick<Engine, "apply" | "evaluationUs" | "futureToleranceUs" | "tenancy">;

export interface HeldBackOptions {
  readonly engine: HeldFrom;
  readonly latenessUs: number;
  readonly maxSamples: number;
  readonly counters: Pick<IngestCounters, "hurriedSamples">;
}

interface Sample {
  readonly part: number;
  readonly metric: number;
  readonly value: number;
  readonly timeUs: number;
  readonly arrivedUs: number;
}

/** What is held of the agent that has a slot. */
interface Held {
  readonly tenancy: number;
  /** In order of time. */
  samples: Sample[];
}

const never = Number.POSITIVE_INFINITY;

export class HeldBack {
  readonly #options: HeldBackOptions;
  readonly #slots = new Map<number, Held>();
  #count = 0;
  /** When the first of all has waited long enough, or before that. */
  nextDueUs: number = never;
  #metrics: Int32Array = new Int32Array(64);
  #values: Float64Array = new Float64Array(64);
  #timesUs: Float64Array = new Float64Array(64);

  constructor(options: HeldBackOptions) {
    this.#options = options;
  }

  /** Samples that are held. */
  get count(): number {
    return this.#count;
  }

  /** Takes samples as `Engine.apply` does. */
  apply(
    slot: number,
    part: number,
    count: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
    nowUs: number,
  ): void {
    const { engine, latenessUs, maxSamples, counters } = this.#options;
    const limitUs = nowUs + engine.futureToleranceUs;
    let end = count;
    while (end > 0 && !((timesUs[end - 1] as number) <= limitUs)) end -= 1;
    if (end < count)
      engine.apply(
        slot,
        part,
        count - end,
        metrics.subarray(end, count),
        values.subarray(end, count),
        timesUs.subarray(end, count),
        nowUs,
      );
    const held = this.#of(slot);
    for (let index = 0; index < end; index += 1)
      insert(held.samples, {
        part,
        metric: metrics[index] as number,
        value: values[index] as number,
        timeUs: timesUs[index] as number,
        arrivedUs: nowUs,
      });
    this.#count += end;
    this.nextDueUs = Math.min(this.nextDueUs, nowUs + latenessUs);
    const isTooMany = this.#count > maxSamples;
    if (isTooMany) counters.hurriedSamples += held.samples.length;
    this.#release(slot, held, nowUs, isTooMany);
  }

  /** Lets go of what has waited long enough. */
  release(nowUs: number): void {
    if (this.#count === 0) return;
    for (const [slot, held] of this.#slots) this.#release(slot, held, nowUs, false);
    this.nextDueUs = never;
    for (const { samples } of this.#slots.values())
      for (const { arrivedUs } of samples)
        this.nextDueUs = Math.min(this.nextDueUs, arrivedUs + this.#options.latenessUs);
  }

  #of(slot: number): Held {
    const tenancy = this.#options.engine.tenancy(slot);
    const known = this.#slots.get(slot);
    if (known?.tenancy === tenancy) return known;
    this.#count -= known?.samples.length ?? 0;
    const held = { tenancy, samples: [] };
    this.#slots.set(slot, held);
    return held;
  }

  #release(slot: number, held: Held, nowUs: number, isAll: boolean): void {
    const { engine, latenessUs } = this.#options;
    if (held.tenancy !== engine.tenancy(slot)) {
      this.#count -= held.samples.length;
      this.#slots.delete(slot);
      return;
    }
    const lastUs = held.samples.at(-1)?.timeUs ?? Number.NEGATIVE_INFINITY;
    const newestUs = Math.max(engine.evaluationUs(slot), lastUs);
    const ripe: Sample[] = [];
    const waiting: Sample[] = [];
    for (const sample of held.samples) {
      const { timeUs, arrivedUs } = sample;
      const isRipe = newestUs >= timeUs + latenessUs || nowUs >= arrivedUs + latenessUs;
      (isAll || isRipe ? ripe : waiting).push(sample);
    }
    held.samples = waiting;
    this.#count -= ripe.length;
    if (waiting.length === 0) this.#slots.delete(slot);
    for (let from = 0; from < ripe.length; ) from = this.#applyRun(slot, ripe, from, nowUs);
  }

  /** Applies the samples of one part that follow one another; gives where the next begin. */
  #applyRun(slot: number, ripe: readonly Sample[], from: number, nowUs: number): number {
    const part = ripe[from]?.part ?? 0;
    let end = from;
    while (end < ripe.length && ripe[end]?.part === part) end += 1;
    if (end - from > this.#values.length) {
      const capacity = 2 * (end - from);
      this.#metrics = new Int32Array(capacity);
      this.#values = new Float64Array(capacity);
      this.#timesUs = new Float64Array(capacity);
    }
    for (const [index, { metric, value, timeUs }] of ripe.slice(from, end).entries()) {
      this.#metrics[index] = metric;
      this.#values[index] = value;
      this.#timesUs[index] = timeUs;
    }
    const { engine } = this.#options;
    engine.apply(slot, part, end - from, this.#metrics, this.#values, this.#timesUs, nowUs);
    return end;
  }
}

/** Puts a sample behind those that are not newer. */
function insert(samples: Sample[], sample: Sample): void {
  let at = samples.length;
  while (at > 0 && (samples[at - 1]?.timeUs ?? 0) > sample.timeUs) at -= 1;
  samples.splice(at, 0, sample);
}
