/** How a heap orders its entries, and where an entry keeps its place in it. */
export interface HeapOrder<Entry> {
  /** A strict order; what it puts first is at the top. */
  isBefore(a: Entry, b: Entry): boolean;
  /** The number that `setPlace` was told last; -1 before. */
  placeOf(entry: Entry): number;
  /** Told where the entry is now; -1 when it has left the heap. */
  setPlace(entry: Entry, place: number): void;
}

/** A binary heap whose entries know their place, so that any of them can be removed in O(log n). */
export class Heap<Entry> {
  readonly #entries: Entry[] = [];
  readonly #order: HeapOrder<Entry>;

  constructor(order: HeapOrder<Entry>) {
    this.#order = order;
  }

  /** How many entries are in the heap. */
  get size(): number {
    return this.#entries.length;
  }

  /** The entry at the top, which stays; undefined when the heap is empty. */
  peek(): Entry | undefined {
    return this.#entries[0];
  }

  /** Puts an entry in, which must not be in it. */
  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#rise(entry, this.#entries.length - 1);
  }

  /** Removes an entry; harmless when it is not in the heap. */
  remove(entry: Entry): void {
    const place = this.#order.placeOf(entry);
    if (place < 0) return;
    this.#order.setPlace(entry, -1);
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    this.#rise(last, place);
    if (this.#order.placeOf(last) === place) this.#sink(last, place);
  }

  #rise(entry: Entry, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#entries[above];
      if (parent === undefined || !this.#order.isBefore(entry, parent)) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(entry, place);
  }

  #sink(entry: Entry, from: number): void {
    let place = from;
    for (;;) {
      const left = this.#entries[2 * place + 1];
      if (left === undefined) break;
      const right = this.#entries[2 * place + 2];
      const isRight = right !== undefined && this.#order.isBefore(right, left);
      const child = isRight ? right : left;
      if (!this.#order.isBefore(child, entry)) break;
      this.#put(child, place);
      place = 2 * place + (isRight ? 2 : 1);
    }
    this.#put(entry, place);
  }

  #put(entry: Entry, place: number): void {
    this.#entries[place] = entry;
    this.#order.setPlace(entry, place);
  }
}
