import type { MetricName } from "@myelin/core/ids";
import type { Bounds, Column } from "@myelin/core/rules";
import { doubledCapacity, grownFloat64, grownInt32, grownUint8 } from "./growth.ts";

/** In `writers`: the time line that the latest sample belonged to has ended, so nothing is late against it. */
export const noPart = 255;

const bytesPerCell = 17;

/** Is told of each sample of a metric. */
export interface SampleFollower {
  sample(slot: number, timeUs: number, value: number): void;
  /** A latest value of an earlier run, which no window is told of. */
  takeUp(slot: number, timeUs: number, value: number): void;
}

/**
 * The latest sample of one metric of every agent, by slot.
 *
 * Columns that rules read hold a cell for every slot; others grow when a slot is first written.
 */
export class MetricColumn implements Column {
  readonly index: number;
  readonly name: MetricName;
  /** NaN: unknown. */
  values: Float64Array = new Float64Array(0);
  /** Event times, microseconds; NaN: no sample yet. */
  timesUs: Float64Array = new Float64Array(0);
  /** Index of the part that sent it, or {@link noPart}. */
  writers: Uint8Array = new Uint8Array(0);
  /** Where, in the set's list of readers, those of this metric begin and end. */
  firstReader = 0;
  endReader = 0;
  /** What is kept of its samples besides the latest; undefined where no rule reads that. */
  follower: SampleFollower | undefined;
  /** True once a rule has been linked to it. */
  isDense = false;

  constructor(index: number, name: MetricName) {
    this.index = index;
    this.name = name;
  }

  /** Whether a rule in force reads it. */
  get isRead(): boolean {
    return this.follower !== undefined || this.endReader > this.firstReader;
  }

  get capacity(): number {
    return this.values.length;
  }

  grow(capacity: number): void {
    this.values = grownFloat64(this.values, capacity, Number.NaN);
    this.timesUs = grownFloat64(this.timesUs, capacity, Number.NaN);
    this.writers = grownUint8(this.writers, capacity);
  }

  /** The slot's series ends. */
  clear(slot: number): void {
    this.values[slot] = Number.NaN;
    this.timesUs[slot] = Number.NaN;
  }
}

/** All columns of the node, by name and by index. */
export class MetricColumns {
  readonly all: MetricColumn[] = [];
  /** By index: a sample below it, or above the other, concerns nobody while no rule is pending or firing for its agent. */
  lows: Float64Array = new Float64Array(0);
  highs: Float64Array = new Float64Array(0);
  /** By index: how many rules read it. */
  readerCounts: Int32Array = new Int32Array(0);
  readonly #byName = new Map<string, MetricColumn>();
  readonly #maxBytes: number;
  #bytes = 0;

  /** `maxBytes` bounds the cells of metrics that no rule reads. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.all.length;
  }

  get(name: string): MetricColumn | undefined {
    return this.#byName.get(name);
  }

  /** The column of a metric, new if need be. */
  declare(name: MetricName): MetricColumn {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const column = new MetricColumn(this.all.length, name);
    this.all.push(column);
    if (this.all.length > this.lows.length) this.#growConcerns();
    this.#byName.set(name, column);
    return column;
  }

  /** From now on no sample of any metric concerns anybody. */
  concernNobody(): void {
    this.lows.fill(Number.POSITIVE_INFINITY);
    this.highs.fill(Number.NEGATIVE_INFINITY);
    this.readerCounts.fill(0);
  }

  /** Samples of a metric concern `readers` rules, or what follows it, from `low` to `high`. */
  concern({ index }: MetricColumn, { low, high }: Bounds, readers: number): void {
    this.lows[index] = low;
    this.highs[index] = high;
    this.readerCounts[index] = readers;
  }

  #growConcerns(): void {
    const capacity = Math.max(64, this.lows.length * 2);
    this.lows = grownFloat64(this.lows, capacity, Number.POSITIVE_INFINITY);
    this.highs = grownFloat64(this.highs, capacity, Number.NEGATIVE_INFINITY);
    this.readerCounts = grownInt32(this.readerCounts, capacity, 0);
  }

  /** Makes room in a column for all slots, from now on: a rule reads it. */
  makeDense(column: MetricColumn, capacity: number): void {
    if (column.isDense) return;
    column.isDense = true;
    this.#bytes -= column.capacity * bytesPerCell;
    if (column.capacity < capacity) column.grow(capacity);
  }

  /** Makes room in every column that rules read. */
  growDense(capacity: number): void {
    for (const column of this.all) if (column.isDense) column.grow(capacity);
  }

  /** Makes room for a slot in a column that no rule reads; false when the bound forbids it. */
  makeRoom(column: MetricColumn, slot: number, limit: number): boolean {
    if (slot < column.capacity) return true;
    const capacity = doubledCapacity(Math.max(column.capacity, 16), slot + 1, limit);
    const moreBytes = (capacity - column.capacity) * bytesPerCell;
    if (this.#bytes + moreBytes > this.#maxBytes) return false;
    this.#bytes += moreBytes;
    column.grow(capacity);
    return true;
  }
}
