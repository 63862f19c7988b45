/*
 * Chooses each metric's form for the samples about to be packed: the cheapest that holds its tolerance.
 *
 * Invariants:
 * 1. f32 and f16 are chosen only when every value of the samples is held within the tolerance. The
 *    quantized forms hold any value, by a mark where their byte cannot; so does f64.
 * 2. Without a tolerance only f64, and f32 or f16 where every value is exact in them, are chosen.
 * 3. What a form has cost of late counts, so that one odd value does not change it.
 */
import { formBytes, formNumber, formOf } from "./column-forms.ts";
import { type ColumnStates, f16, f32, f64, i8, i8Delta } from "./column-states.ts";
import { halfBits, halfValue } from "./half.ts";
import type { ColumnForm, MetricForm } from "./messages.ts";
import type { SampleColumns } from "./sample-columns.ts";

/** Samples to be packed; `names` stand elsewhere. */
export type PackableSamples = Pick<SampleColumns, "count" | "metrics" | "values" | "timesUs">;

/** Step of the quantized forms, in tolerances: below 2, so that rounding holds the bound at the middle too. */
const scaleInTolerances = 1.9;
/** Values within this many steps of the reference, or of the last value, take a byte. */
const reach = 126;
/** Samples that the rates look back on, about. */
const memory = 32;
/** Bytes that a value behind a mark takes more than one without. */
const markCost = 8;
/** Bytes that it costs to announce i8 and its reference, i8_delta, and the others. */
const i8Cost = 24;
const deltaCost = 15;
const otherCost = 6;
/** Of the cost of a change, what is put down to the values at hand; the rest to those that follow. */
const shareOfChange = 1 / 8;
/** Below this rate of marks nothing is cheaper than i8_delta. */
const fewMarks = 0.05;

/** True when `shown` stands for `value`: the same, or no further off than the tolerance. */
export function holds(shown: number, value: number, tolerance: number): boolean {
  return Object.is(shown, value) || (tolerance > 0 && Math.abs(shown - value) <= tolerance);
}

/** The step in which values of a metric with this tolerance are counted; 0 when they cannot be. */
function scaleOf(tolerance: number): number {
  const scale = tolerance * scaleInTolerances;
  return Number.isFinite(scale) ? scale : 0;
}

/** What the samples at hand say of each metric, by its id; the rates are kept. */
export class FormChoice {
  /** Ids of the metrics among the samples, up to `metricCount`. */
  ids: Uint32Array = new Uint32Array(16);
  metricCount = 0;
  /** Changes of form that the choice brings. */
  readonly changes: MetricForm[] = [];
  /** Bytes that telling unchanged values apart saves. */
  savedBytes = 0;

  readonly #allowed: readonly boolean[];
  #round = 0;
  #rounds = new Uint32Array(0);
  #totals = new Uint32Array(0);
  #unchanged = new Uint32Array(0);
  #marks = new Uint32Array(0);
  #beyond = new Uint32Array(0);
  #shown = new Float64Array(0);
  #lowest = new Float64Array(0);
  #highest = new Float64Array(0);
  /** 1 where every value fits the form; looked at where `#isWeighed` is 1. */
  #fitsSingle = new Uint8Array(0);
  #fitsHalf = new Uint8Array(0);
  #isWeighed = new Uint8Array(0);
  #markRates = new Float64Array(0);
  #singleMisses = new Float64Array(0);
  #halfMisses = new Float64Array(0);
  /** Of the metric being decided: the cheapest form so far, its bytes a value, and a change's share of one. */
  #best = f64;
  #cost = 0;
  #share = 0;

  constructor(forms: readonly ColumnForm[]) {
    const allowed: boolean[] = [];
    for (const form of forms) allowed[formNumber(form)] = true;
    allowed[f64] = true;
    this.#allowed = allowed;
  }

  /** Chooses; `states` is changed to the forms chosen. */
  choose(samples: PackableSamples, tolerances: ArrayLike<number>, states: ColumnStates): void {
    this.changes.length = 0;
    this.savedBytes = 0;
    this.#survey(samples, tolerances, states);
    let isAnyWeighed = false;
    for (let place = 0; place < this.metricCount; place++) {
      const id = this.ids[place] as number;
      const total = this.#totals[id] as number;
      const rate =
        ((this.#markRates[id] as number) * memory + (this.#marks[id] as number)) / (memory + total);
      this.#markRates[id] = rate;
      const isPlain = this.#allowed[i8Delta] === true && scaleOf(tolerances[id] ?? 0) > 0;
      const isWeighed = !isPlain || rate > fewMarks;
      this.#isWeighed[id] = isWeighed ? 1 : 0;
      isAnyWeighed ||= isWeighed;
    }
    if (isAnyWeighed) this.#weigh(samples, tolerances);
    for (let place = 0; place < this.metricCount; place++) {
      const id = this.ids[place] as number;
      this.#decide(id, tolerances[id] ?? 0, states);
      const width = formBytes[states.forms[id] as number] as number;
      this.savedBytes += (this.#unchanged[id] as number) * width;
    }
  }

  /** Counts, for each metric, what is unchanged, what i8_delta needs marks for, and the range of the rest. */
  #survey(samples: PackableSamples, tolerances: ArrayLike<number>, states: ColumnStates): void {
    const { count, metrics, values } = samples;
    this.metricCount = 0;
    this.#round++;
    let former = 0;
    for (let index = 0; index < count; index++) {
      const id = metrics[index] as number;
      if (id !== former && this.#rounds[id] !== this.#round) this.#begin(id, states);
      former = id;
      const value = values[index] as number;
      const tolerance = tolerances[id] ?? 0;
      (this.#totals[id] as number)++;
      const shown = this.#shown[id] as number;
      if (holds(shown, value, tolerance)) {
        (this.#unchanged[id] as number)++;
        continue;
      }
      this.#shown[id] = value;
      if (tolerance !== 0) this.#noteChange(id, shown, value, tolerance);
    }
  }

  #noteChange(id: number, shown: number, value: number, tolerance: number): void {
    if (!Number.isNaN(shown) && !(Math.abs(value - shown) <= reach * scaleOf(tolerance)))
      (this.#marks[id] as number)++;
    if (!Number.isFinite(value)) {
      (this.#beyond[id] as number)++;
      return;
    }
    if (value < (this.#lowest[id] as number)) this.#lowest[id] = value;
    if (value > (this.#highest[id] as number)) this.#highest[id] = value;
  }

  #begin(id: number, states: ColumnStates): void {
    if (id >= this.#rounds.length) this.#reserve(id);
    if (this.metricCount === this.ids.length) {
      const ids = new Uint32Array(this.ids.length * 2);
      ids.set(this.ids);
      this.ids = ids;
    }
    this.ids[this.metricCount++] = id;
    this.#rounds[id] = this.#round;
    this.#totals[id] = 0;
    this.#unchanged[id] = 0;
    this.#marks[id] = 0;
    this.#beyond[id] = 0;
    this.#lowest[id] = Number.POSITIVE_INFINITY;
    this.#highest[id] = Number.NEGATIVE_INFINITY;
    this.#fitsSingle[id] = 1;
    this.#fitsHalf[id] = 1;
    // A metric without a last value is taken for one whose last value is none of its values.
    this.#shown[id] = states.hasLast[id] === 1 ? (states.lasts[id] as number) : Number.NaN;
  }

  #reserve(id: number): void {
    const capacity = Math.max(16, id + 1, this.#rounds.length * 2);
    this.#rounds = longer(this.#rounds, new Uint32Array(capacity));
    this.#totals = longer(this.#totals, new Uint32Array(capacity));
    this.#unchanged = longer(this.#unchanged, new Uint32Array(capacity));
    this.#marks = longer(this.#marks, new Uint32Array(capacity));
    this.#beyond = longer(this.#beyond, new Uint32Array(capacity));
    this.#shown = longer(this.#shown, new Float64Array(capacity));
    this.#lowest = longer(this.#lowest, new Float64Array(capacity));
    this.#highest = longer(this.#highest, new Float64Array(capacity));
    this.#fitsSingle = longer(this.#fitsSingle, new Uint8Array(capacity));
    this.#fitsHalf = longer(this.#fitsHalf, new Uint8Array(capacity));
    this.#isWeighed = longer(this.#isWeighed, new Uint8Array(capacity));
    this.#markRates = longer(this.#markRates, new Float64Array(capacity));
    this.#singleMisses = longer(this.#singleMisses, new Float64Array(capacity));
    this.#halfMisses = longer(this.#halfMisses, new Float64Array(capacity));
  }

  /** Finds which metrics f32 and f16 hold, where that matters. */
  #weigh({ count, metrics, values }: PackableSamples, tolerances: ArrayLike<number>): void {
    for (let index = 0; index < count; index++) {
      const id = metrics[index] as number;
      if (this.#isWeighed[id] === 0) continue;
      const value = values[index] as number;
      const tolerance = tolerances[id] ?? 0;
      if (this.#fitsSingle[id] === 1 && !holds(Math.fround(value), value, tolerance))
        this.#fitsSingle[id] = 0;
      if (this.#fitsHalf[id] === 1 && !holds(halfValue(halfBits(value)), value, tolerance))
        this.#fitsHalf[id] = 0;
    }
    for (let place = 0; place < this.metricCount; place++) {
      const id = this.ids[place] as number;
      if (this.#isWeighed[id] === 0) continue;
      const total = this.#totals[id] as number;
      this.#singleMisses[id] = missesOf(this.#singleMisses[id], this.#fitsSingle[id], total);
      this.#halfMisses[id] = missesOf(this.#halfMisses[id], this.#fitsHalf[id], total);
    }
  }

  #decide(id: number, tolerance: number, states: ColumnStates): void {
    const former = states.forms[id] as number;
    const scale = scaleOf(tolerance);
    const isWeighed = this.#isWeighed[id] === 1;
    const isSame = former === i8Delta && states.scales[id] === scale;
    if (isSame && !isWeighed) return;
    const changed = (this.#totals[id] as number) - (this.#unchanged[id] as number);
    this.#share = shareOfChange / Math.max(1, changed);
    this.#best = f64;
    this.#cost = 8 + (former === f64 ? 0 : otherCost * this.#share);
    let reference: number | undefined;
    if (isWeighed) {
      if (this.#fitsSingle[id] === 1)
        this.#propose(f32, 4, former === f32 ? 0 : otherCost, this.#singleMisses[id] as number);
      if (this.#fitsHalf[id] === 1)
        this.#propose(f16, 2, former === f16 ? 0 : otherCost, this.#halfMisses[id] as number);
      if (scale > 0) reference = this.#proposeI8(id, scale, states);
    }
    const markRate = this.#markRates[id] as number;
    if (scale > 0) this.#propose(i8Delta, 1, isSame ? 0 : deltaCost, markRate);
    const form = this.#best;
    const isQuantized = form === i8 || form === i8Delta;
    const isAsBefore = form === former && (!isQuantized || states.scales[id] === scale);
    if (isAsBefore && (form !== i8 || reference === undefined)) return;
    const change = changeOf(id, form, isQuantized ? scale : 0, form === i8 ? reference : undefined);
    this.changes.push(change);
    states.change(change);
  }

  /** Takes a form if it is cheaper than the best so far, in bytes a value. */
  #propose(form: number, width: number, changeCost: number, rateOfMarks: number): void {
    if (this.#allowed[form] !== true) return;
    const cost = width + changeCost * this.#share + markCost * rateOfMarks;
    if (cost >= this.#cost) return;
    this.#best = form;
    this.#cost = cost;
  }

  /** Proposes i8 if its reach holds the range of the values; returns the reference if it must be told. */
  #proposeI8(id: number, scale: number, states: ColumnStates): number | undefined {
    const lowest = this.#lowest[id] as number;
    const highest = this.#highest[id] as number;
    if (!(highest - lowest <= 2 * reach * scale)) return undefined;
    const present = states.references[id] as number;
    const isInReach =
      states.forms[id] === i8 &&
      states.scales[id] === scale &&
      highest - present <= reach * scale &&
      present - lowest <= reach * scale;
    // Its reference is told for the values at hand alone, unless it holds already.
    const rate = (this.#beyond[id] as number) / Math.max(1, this.#totals[id] as number);
    this.#propose(i8, 1, isInReach ? 0 : i8Cost / shareOfChange, rate);
    return isInReach ? undefined : lowest + (highest - lowest) / 2;
  }
}

function changeOf(
  metric: number,
  form: number,
  scale: number,
  reference: number | undefined,
): MetricForm {
  const change = { metric, form: formOf(form) ?? "f64", scale };
  return reference === undefined ? change : { ...change, reference };
}

function missesOf(rate = 0, fits = 1, total = 0): number {
  // Misses are not counted one by one: when one value does not fit, the form is not for these samples.
  return (rate * memory + (fits === 1 ? 0 : total)) / (memory + total);
}

function longer<Numbers extends Uint8Array | Uint32Array | Float64Array>(
  from: Numbers,
  to: Numbers,
): Numbers {
  to.set(from);
  return to;
}
