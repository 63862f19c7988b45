import { formNumber } from "./column-forms.ts";
import type { MetricForm } from "./messages.ts";

/** Forms by number, as they stand in `forms`. */
export const f64 = 1;
export const f32 = 2;
export const f16 = 3;
export const i8 = 4;
export const i8Delta = 5;

/** In the quantized forms: the value itself follows. */
export const mark = -128;
/** The count of a metric in i8_delta stays within this. */
export const largestCount: number = 2 ** 31;

/**
 * What both sides of a session keep of each metric of its packed samples, by the metric's id: typed
 * arrays that grow with the highest id, 41 bytes an id.
 */
export class ColumnStates {
  forms: Uint8Array = new Uint8Array(0);
  scales: Float64Array = new Float64Array(0);
  /** NaN where there is none. */
  references: Float64Array = new Float64Array(0);
  counts: Float64Array = new Float64Array(0);
  /** The last value as the receiver has it. */
  lasts: Float64Array = new Float64Array(0);
  /** 1 where there is a last value. */
  hasLast: Uint8Array = new Uint8Array(0);

  /** Makes room for ids up to this. */
  reserve(highestId: number): void {
    const length = this.forms.length;
    if (highestId < length) return;
    const capacity = Math.max(16, highestId + 1, length * 2);
    const { forms, scales, references, counts, lasts, hasLast } = this;
    this.forms = new Uint8Array(capacity).fill(f64);
    this.scales = new Float64Array(capacity);
    this.references = new Float64Array(capacity).fill(Number.NaN);
    this.counts = new Float64Array(capacity);
    this.lasts = new Float64Array(capacity);
    this.hasLast = new Uint8Array(capacity);
    this.forms.set(forms);
    this.scales.set(scales);
    this.references.set(references);
    this.counts.set(counts);
    this.lasts.set(lasts);
    this.hasLast.set(hasLast);
  }

  /** Forgets everything: all metrics are f64, and none has a value. */
  clear(): void {
    this.forms.fill(f64);
    this.references.fill(Number.NaN);
    this.hasLast.fill(0);
  }

  /** The metric's values are written in another form from here on. */
  change({ metric, form, scale, reference }: MetricForm): void {
    this.forms[metric] = formNumber(form);
    this.scales[metric] = scale;
    this.counts[metric] = 0;
    const last = this.hasLast[metric] === 1 ? (this.lasts[metric] as number) : Number.NaN;
    this.references[metric] = reference ?? (Number.isFinite(last) ? last : Number.NaN);
  }
}
