import type { FrameWriter } from "@myelin/core/wire";

const firstCapacity = 64;
const noNames: readonly never[] = [];

/**
 * Samples of one operation while it is collected: columns in growing typed arrays, so that a sample
 * costs three stores. Times are whole microseconds and never decrease within one operation.
 */
export class Columns {
  readonly #maxCount: number;
  #metrics = new Uint32Array(firstCapacity);
  #values = new Float64Array(firstCapacity);
  #offsetsUs = new Float64Array(firstCapacity);
  #count = 0;
  #baseTimeUs = 0;
  #lastOffsetUs = 0;
  #maxMetricId = 0;

  /** At most `maxCount` samples make one operation. */
  constructor(maxCount: number) {
    this.#maxCount = maxCount;
  }

  get count(): number {
    return this.#count;
  }

  /** The highest id among the metrics; 0 when there is no sample. */
  get maxMetricId(): number {
    return this.#maxMetricId;
  }

  /** About the bytes that the samples will take in a frame. */
  get sizeBytes(): number {
    return this.#count * 12;
  }

  /** Adds a sample; false when it does not fit and must begin another operation. */
  add(metricId: number, value: number, timeUs: number): boolean {
    const count = this.#count;
    if (count === 0) this.#baseTimeUs = timeUs;
    const offsetUs = timeUs - this.#baseTimeUs;
    if (offsetUs < this.#lastOffsetUs) return false;
    if (count >= this.#maxCount) return false;
    if (count === this.#metrics.length) this.#grow();
    this.#metrics[count] = metricId;
    this.#values[count] = value;
    this.#offsetsUs[count] = offsetUs;
    this.#lastOffsetUs = offsetUs;
    if (metricId > this.#maxMetricId) this.#maxMetricId = metricId;
    this.#count = count + 1;
    return true;
  }

  /** Writes the samples as one operation, and is empty again. */
  writeTo(writer: FrameWriter): void {
    if (this.#count === 0) return;
    writer.samples({
      names: noNames,
      baseTimeUs: this.#baseTimeUs,
      metrics: this.#metrics,
      values: this.#values,
      offsetsUs: this.#lastOffsetUs === 0 ? undefined : this.#offsetsUs,
      count: this.#count,
    });
    this.#count = 0;
    this.#lastOffsetUs = 0;
    this.#maxMetricId = 0;
  }

  #grow(): void {
    const [metrics, values, offsetsUs] = [this.#metrics, this.#values, this.#offsetsUs];
    const capacity = metrics.length * 2;
    this.#metrics = new Uint32Array(capacity);
    this.#values = new Float64Array(capacity);
    this.#offsetsUs = new Float64Array(capacity);
    this.#metrics.set(metrics);
    this.#values.set(values);
    this.#offsetsUs.set(offsetsUs);
  }
}
