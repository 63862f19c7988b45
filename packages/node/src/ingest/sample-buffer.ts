/**
 * The samples of one frame on their way to the engine, as columns; shared by all sessions, since a frame
 * is read and applied before the next one.
 */
export class SampleBuffer {
  /** The intake whose samples these are. */
  owner: object | undefined;
  count = 0;
  /** False when the times decrease somewhere. */
  isInOrder = true;
  metrics: Int32Array = new Int32Array(256);
  values: Float64Array = new Float64Array(256);
  timesUs: Float64Array = new Float64Array(256);
  /** The same times on the part's clock; undefined where nobody asks for them. */
  partTimesUs: Float64Array | undefined;

  /** @param hasPartTimes Whether times on the parts' clocks are kept beside. */
  constructor(hasPartTimes = false) {
    this.partTimesUs = hasPartTimes ? new Float64Array(256) : undefined;
  }

  clear(): void {
    this.owner = undefined;
    this.count = 0;
    this.isInOrder = true;
  }

  /** Makes room for `more` samples. */
  reserve(more: number): void {
    const needed = this.count + more;
    if (needed <= this.values.length) return;
    const capacity = Math.max(needed, this.values.length * 2);
    const metrics = new Int32Array(capacity);
    metrics.set(this.metrics);
    this.metrics = metrics;
    this.values = longer(this.values, capacity);
    this.timesUs = longer(this.timesUs, capacity);
    if (this.partTimesUs !== undefined) this.partTimesUs = longer(this.partTimesUs, capacity);
  }

  /** Puts the samples in order of time; those of one time stay in order. */
  sort(): void {
    if (this.isInOrder) return;
    const { count, metrics, values, timesUs } = this;
    const { partTimesUs } = this;
    const order = new Uint32Array(count);
    for (let index = 0; index < count; index += 1) order[index] = index;
    order.sort((a, b) => (timesUs[a] as number) - (timesUs[b] as number) || a - b);
    this.metrics = Int32Array.from(metrics);
    this.values = Float64Array.from(values);
    this.timesUs = Float64Array.from(timesUs);
    for (let index = 0; index < count; index += 1) {
      const from = order[index] as number;
      this.metrics[index] = metrics[from] as number;
      this.values[index] = values[from] as number;
      this.timesUs[index] = timesUs[from] as number;
    }
    if (partTimesUs !== undefined) {
      const inOrder = Float64Array.from(partTimesUs);
      for (const [index, from] of order.entries()) inOrder[index] = partTimesUs[from] as number;
      this.partTimesUs = inOrder;
    }
    this.isInOrder = true;
  }
}

function longer(from: Float64Array, length: number): Float64Array {
  const to = new Float64Array(length);
  to.set(from);
  return to;
}
