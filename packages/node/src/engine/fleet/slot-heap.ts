/**
 * Slots in order of a key, and at one key of a rank: a binary heap from which each can be taken and moved.
 * Heaps that no slot is in two of share their places.
 */
import { grownFloat64, grownInt32 } from "../growth.ts";

const absent = -1;

/** Where in its heap each slot is, its key, and its rank, which is 0 unless it is set. */
export class SlotPlaces {
  keys: Float64Array;
  positions: Int32Array;
  ranks: Float64Array;

  constructor(capacity: number) {
    this.keys = new Float64Array(capacity);
    this.positions = new Int32Array(capacity).fill(absent);
    this.ranks = new Float64Array(capacity);
  }

  grow(capacity: number): void {
    this.keys = grownFloat64(this.keys, capacity, 0);
    this.positions = grownInt32(this.positions, capacity, absent);
    this.ranks = grownFloat64(this.ranks, capacity, 0);
  }
}

export class SlotHeap {
  readonly #places: SlotPlaces;
  #slots: Int32Array = new Int32Array(8);
  #size = 0;

  constructor(places: SlotPlaces) {
    this.#places = places;
  }

  get size(): number {
    return this.#size;
  }

  /** The slot with the least key; -1 when there is none. */
  get first(): number {
    return this.#size === 0 ? absent : (this.#slots[0] as number);
  }

  /** The least key; Infinity when there is none. */
  get firstKey(): number {
    return this.#size === 0
      ? Number.POSITIVE_INFINITY
      : (this.#places.keys[this.#slots[0] as number] as number);
  }

  /** Puts a slot in, or moves it. */
  set(slot: number, key: number): void {
    const { keys, positions } = this.#places;
    let position = positions[slot] as number;
    keys[slot] = key;
    if (position === absent) {
      if (this.#size === this.#slots.length)
        this.#slots = grownInt32(this.#slots, this.#size * 2, 0);
      position = this.#size;
      this.#size += 1;
    }
    this.#sink(slot, this.#rise(slot, position));
  }

  /** Takes a slot out that is in it. */
  remove(slot: number): void {
    const { positions } = this.#places;
    const position = positions[slot] as number;
    positions[slot] = absent;
    this.#size -= 1;
    const last = this.#slots[this.#size] as number;
    if (last !== slot) this.#sink(last, this.#rise(last, position));
  }

  /** Moves a slot, or a hole where it is to be, towards the first as far as it belongs; gives where it is. */
  #rise(slot: number, from: number): number {
    const { positions } = this.#places;
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      const other = this.#slots[parent] as number;
      if (!this.#isBefore(slot, other)) break;
      this.#slots[position] = other;
      positions[other] = position;
      position = parent;
    }
    this.#slots[position] = slot;
    positions[slot] = position;
    return position;
  }

  #sink(slot: number, from: number): void {
    const { positions } = this.#places;
    let position = from;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= this.#size) break;
      const right = child + 1;
      if (
        right < this.#size &&
        this.#isBefore(this.#slots[right] as number, this.#slots[child] as number)
      )
        child = right;
      const other = this.#slots[child] as number;
      if (!this.#isBefore(other, slot)) break;
      this.#slots[position] = other;
      positions[other] = position;
      position = child;
    }
    this.#slots[position] = slot;
    positions[slot] = position;
  }

  #isBefore(slot: number, other: number): boolean {
    const { keys, ranks } = this.#places;
    const key = keys[slot] as number;
    const otherKey = keys[other] as number;
    if (key !== otherKey) return key < otherKey;
    return (ranks[slot] as number) < (ranks[other] as number);
  }
}
