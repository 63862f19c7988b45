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
 * 4. How far a part's time line is applied is told by what has left, on the part's own clock: what waits is not confirmed to
 *    the part, and comes again when the node is lost.
 */
import { Heap } from "@myelin/core/schedule";
import type { Engine } from "../engine/index.ts";
import type { IngestCounters } from "./counters.ts";

/** The engine, seen from here. */
type HeldFrom = Pick<Engine, "apply" | "futureToleranceUs" | "tenancy" | "timeLine"> & {
  readonly counters: Pick<Engine["counters"], "late">;
};

export interface HeldBackOptions {
  readonly engine: HeldFrom;
  readonly latenessUs: number;
  readonly maxSamples: number;
  readonly counters: Pick<IngestCounters, "hurriedSamples">;
  /** Told of samples first, as they come. */
  readonly onTaken?: Engine["apply"] | undefined;
}

interface Sample {
  readonly part: number;
  readonly metric: number;
  readonly value: number;
  readonly timeUs: number;
  /** The same instant on the part's clock, and the time line it is of. */
  readonly partUs: number;
  line: string;
  readonly arrivedUs: number;
  /** Samples were taken before it, and it. */
  readonly ordinal: number;
}

/** How far a part's time line has come, on its clock. */
interface Progress {
  line: string;
  /** What has left. */
  appliedUs: number;
  takenUs: number;
  /** What comes now and is not newer has come before. */
  passedUs: number;
}

/** What is held of the agent that has a slot. */
interface Held {
  readonly slot: number;
  readonly tenancy: number;
  /** In order of time. */
  samples: Sample[];
  /** The newest sample of the agent so far. */
  newestUs: number;
  /** When the first of them has waited long enough, or before that. */
  dueUs: number;
  place: number;
  /** By part. */
  readonly progress: Map<number, Progress>;
}

const never = Number.POSITIVE_INFINITY;

export class HeldBack {
  readonly #options: HeldBackOptions;
  readonly #slots = new Map<number, Held>();
  /** Those of which something is held, by when it is due. */
  readonly #due = new Heap<Held>({
    isBefore: (a, b) => a.dueUs < b.dueUs,
    placeOf: ({ place }) => place,
    setPlace: (held, place) => {
      held.place = place;
    },
  });
  #count = 0;
  #taken = 0;
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

  /** When the first of all has waited long enough, or before that. */
  get nextDueUs(): number {
    return this.#due.peek()?.dueUs ?? never;
  }

  /** How many samples were taken so far. */
  get taken(): number {
    return this.#taken;
  }

  /** None waits of a part that was taken as one of the first so many. */
  appliedOf(slot: number, part: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const sample of this.#of(slot).samples)
      if (sample.part === part && sample.ordinal < first) first = sample.ordinal;
    return first - 1;
  }

  /** The newest instant of a part's present time line that has left, on the part's clock; -Infinity when there is none. */
  appliedUs(slot: number, part: number): number {
    return this.#progressOf(this.#of(slot), part).appliedUs;
  }

  /** A part's present time line has been applied up to before an instant on its clock, and what was taken of it comes again. */
  goOn(slot: number, part: number, untilUs: number): void {
    const progress = this.#progressOf(this.#of(slot), part);
    progress.appliedUs = untilUs;
    progress.passedUs = Math.max(untilUs - 1, progress.takenUs);
  }

  /** Another session of a part begins: what was taken of its present time line, and may wait still, comes again. */
  follow(slot: number, part: number): void {
    const progress = this.#progressOf(this.#of(slot), part);
    progress.passedUs = progress.takenUs;
  }

  /**
   * A part's present time line is of the clock that `former` was of, and goes on with it: what waits belongs to it. Gives
   * how far that one was applied, on the part's clock; -Infinity where it was not.
   */
  goOnAnew(slot: number, part: number, former: string): number {
    const held = this.#of(slot);
    const line = this.#options.engine.timeLine(slot, part);
    for (const sample of held.samples)
      if (sample.part === part && sample.line === former) sample.line = line;
    const progress = held.progress.get(part);
    if (progress?.line !== former) return Number.NEGATIVE_INFINITY;
    progress.line = line;
    return progress.appliedUs;
  }

  /**
   * Takes samples as `Engine.apply` does.
   * @param partTimesUs The same times on the part's own clock.
   */
  apply(
    slot: number,
    part: number,
    count: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
    nowUs: number,
    partTimesUs: Float64Array = timesUs,
  ): void {
    const { engine, latenessUs, maxSamples, counters, onTaken } = this.#options;
    onTaken?.(slot, part, count, metrics, values, timesUs, nowUs);
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
    const progress = this.#progressOf(held, part);
    const { line, passedUs } = progress;
    let takenUs = progress.takenUs;
    const before = held.samples.length;
    for (let index = 0; index < end; index += 1) {
      const partUs = partTimesUs[index] as number;
      if (partUs <= passedUs) {
        engine.counters.late += 1;
        continue;
      }
      if (partUs > takenUs) takenUs = partUs;
      insert(held.samples, {
        part,
        metric: metrics[index] as number,
        value: values[index] as number,
        timeUs: timesUs[index] as number,
        partUs,
        line,
        arrivedUs: nowUs,
        ordinal: ++this.#taken,
      });
    }
    progress.takenUs = takenUs;
    this.#count += held.samples.length - before;
    if (held.place < 0 && held.samples.length > 0) this.#plan(held, nowUs + latenessUs);
    const isTooMany = this.#count > maxSamples;
    if (isTooMany) counters.hurriedSamples += held.samples.length;
    this.#release(held, nowUs, isTooMany);
  }

  /** Lets go of what has waited long enough. */
  release(nowUs: number): void {
    for (let held = this.#due.peek(); held !== undefined; held = this.#due.peek()) {
      if (held.dueUs > nowUs) return;
      this.#release(held, nowUs, false);
    }
  }

  #of(slot: number): Held {
    const tenancy = this.#options.engine.tenancy(slot);
    const known = this.#slots.get(slot);
    if (known?.tenancy === tenancy) return known;
    if (known !== undefined) this.#forget(known);
    const held = {
      slot,
      tenancy,
      samples: [],
      newestUs: -never,
      dueUs: never,
      place: -1,
      progress: new Map(),
    };
    this.#slots.set(slot, held);
    return held;
  }

  /** Of the part's present time line. */
  #progressOf(held: Held, part: number): Progress {
    const line = this.#options.engine.timeLine(held.slot, part);
    const known = held.progress.get(part);
    if (known?.line === line) return known;
    const progress = { line, appliedUs: -never, takenUs: -never, passedUs: -never };
    held.progress.set(part, progress);
    return progress;
  }

  /** Its agent has left. */
  #forget(held: Held): void {
    this.#count -= held.samples.length;
    this.#due.remove(held);
    this.#slots.delete(held.slot);
  }

  #plan(held: Held, dueUs: number): void {
    this.#due.remove(held);
    held.dueUs = dueUs;
    if (dueUs < never) this.#due.push(held);
  }

  #release(held: Held, nowUs: number, isAll: boolean): void {
    const { engine, latenessUs } = this.#options;
    const { slot, samples } = held;
    if (held.tenancy !== engine.tenancy(slot)) return this.#forget(held);
    held.newestUs = Math.max(held.newestUs, samples.at(-1)?.timeUs ?? -never);
    const { newestUs } = held;
    const isDue = nowUs >= held.dueUs;
    if (!isAll && !isDue && newestUs < (samples[0]?.timeUs ?? never) + latenessUs) return;
    const ripe: Sample[] = [];
    const waiting: Sample[] = [];
    let dueUs = never;
    for (const sample of samples) {
      const { timeUs, arrivedUs } = sample;
      const ownDueUs = arrivedUs + latenessUs;
      if (isAll || newestUs >= timeUs + latenessUs || nowUs >= ownDueUs) ripe.push(sample);
      else {
        waiting.push(sample);
        dueUs = Math.min(dueUs, ownDueUs);
      }
    }
    held.samples = waiting;
    this.#count -= ripe.length;
    this.#plan(held, dueUs);
    for (let from = 0; from < ripe.length; ) from = this.#applyRun(held, ripe, from, nowUs);
  }

  /** Applies the samples of one part that follow one another; gives where the next begin. */
  #applyRun(held: Held, ripe: readonly Sample[], from: number, nowUs: number): number {
    const part = ripe[from]?.part ?? 0;
    let end = from;
    while (end < ripe.length && ripe[end]?.part === part) end += 1;
    if (end - from > this.#values.length) {
      const capacity = 2 * (end - from);
      this.#metrics = new Int32Array(capacity);
      this.#values = new Float64Array(capacity);
      this.#timesUs = new Float64Array(capacity);
    }
    const progress = this.#progressOf(held, part);
    for (const [index, { metric, value, timeUs, partUs, line }] of ripe
      .slice(from, end)
      .entries()) {
      this.#metrics[index] = metric;
      this.#values[index] = value;
      this.#timesUs[index] = timeUs;
      if (line === progress.line) progress.appliedUs = Math.max(progress.appliedUs, partUs);
    }
    const { engine } = this.#options;
    engine.apply(held.slot, part, end - from, this.#metrics, this.#values, this.#timesUs, nowUs);
    return end;
  }
}

/** Puts a sample behind those that are not newer. */
function insert(samples: Sample[], sample: Sample): void {
  let at = samples.length;
  while (at > 0 && (samples[at - 1]?.timeUs ?? 0) > sample.timeUs) at -= 1;
  samples.splice(at, 0, sample);
}
