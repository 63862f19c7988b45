/**
 * What the latest values of one metric come to over agents, kept by difference.
 *
 * Invariants
 * 1. In the divisions is, of every agent, the value whose time is not before `#horizonUs`, unless it is NaN.
 * 2. An agent with a value is in `#fresh` when it is in the divisions, by a time that is not behind its own, and else in
 *    `#stale`. So a sample costs no look at the time, and agents that are asked at different times cost what lies between.
 */
import { grownFloat64 } from "../growth.ts";
import type { Division } from "./division.ts";
import { SlotHeap, SlotPlaces } from "./slot-heap.ts";

/** The latest samples, by slot: event times and values, NaN where there is none. */
export interface LatestColumn {
  readonly values: Float64Array;
  readonly timesUs: Float64Array;
}

export class FleetMetric {
  #divisions: Division[] = [];
  readonly #column: LatestColumn;
  readonly #staleAfterUs: number;
  readonly #places: SlotPlaces;
  readonly #stalePlaces: SlotPlaces;
  readonly #fresh: SlotHeap;
  readonly #stale: SlotHeap;
  /** By slot, the value that is in the divisions; NaN when none is. */
  #held: Float64Array;

  constructor(column: LatestColumn, staleAfterUs: number, capacity: number) {
    this.#column = column;
    this.#staleAfterUs = staleAfterUs;
    this.#places = new SlotPlaces(capacity);
    this.#stalePlaces = new SlotPlaces(capacity);
    this.#fresh = new SlotHeap(this.#places);
    this.#stale = new SlotHeap(this.#stalePlaces);
    this.#held = new Float64Array(capacity).fill(Number.NaN);
    const { length } = column.timesUs;
    for (let slot = 0; slot < length; slot += 1)
      this.sample(slot, column.timesUs[slot] as number, column.values[slot] as number);
  }

  grow(capacity: number): void {
    this.#places.grow(capacity);
    this.#stalePlaces.grow(capacity);
    this.#held = grownFloat64(this.#held, capacity, Number.NaN);
    for (const division of this.#divisions) division.grow(capacity);
  }

  /** Another division: the values that are held come to it. */
  add(division: Division): void {
    this.#divisions.push(division);
    for (let slot = 0; slot < this.#held.length; slot += 1) {
      const held = this.#held[slot] as number;
      if (held === held) division.enter(slot, held);
    }
  }

  /** Only these divisions are asked any more. */
  retain(divisions: ReadonlySet<Division>): void {
    this.#divisions = this.#divisions.filter((division) => divisions.has(division));
  }

  /** A sample of an agent, which is in the column now. */
  sample(slot: number, timeUs: number, value: number): void {
    const held = this.#held[slot] as number;
    if (value !== value) {
      this.#takeOut(slot);
      return;
    }
    if (held === held) {
      if (timeUs < (this.#places.keys[slot] as number)) this.#fresh.set(slot, timeUs);
      if (held === value) return;
      this.#held[slot] = value;
      for (const division of this.#divisions) division.change(slot, held, value);
      return;
    }
    if ((this.#stalePlaces.positions[slot] as number) >= 0) this.#stale.remove(slot);
    this.#putIn(slot, timeUs, value);
  }

  /** Makes the divisions those of values not older than allowed at `nowUs`. */
  settle(nowUs: number): void {
    const horizonUs = nowUs - this.#staleAfterUs;
    const { timesUs, values } = this.#column;
    while (this.#fresh.firstKey < horizonUs) {
      const slot = this.#fresh.first;
      const timeUs = timesUs[slot] as number;
      if (timeUs >= horizonUs) {
        this.#fresh.set(slot, timeUs);
        continue;
      }
      this.#takeOut(slot);
      this.#stale.set(slot, -timeUs);
    }
    while (-this.#stale.firstKey >= horizonUs) {
      const slot = this.#stale.first;
      this.#stale.remove(slot);
      this.#putIn(slot, timesUs[slot] as number, values[slot] as number);
    }
  }

  /** The agent's labels are about to change: its value is in no group until `enterGroups`. */
  leaveGroups(slot: number): void {
    const held = this.#held[slot] as number;
    for (const division of this.#divisions) {
      if (held === held) division.leave(slot, held);
      division.forget(slot);
    }
  }

  enterGroups(slot: number): void {
    const held = this.#held[slot] as number;
    if (held === held) for (const division of this.#divisions) division.enter(slot, held);
  }

  /** The slot is free. */
  release(slot: number): void {
    this.#takeOut(slot);
    for (const division of this.#divisions) division.forget(slot);
  }

  #putIn(slot: number, timeUs: number, value: number): void {
    this.#fresh.set(slot, timeUs);
    this.#held[slot] = value;
    for (const division of this.#divisions) division.enter(slot, value);
  }

  #takeOut(slot: number): void {
    if ((this.#stalePlaces.positions[slot] as number) >= 0) this.#stale.remove(slot);
    const held = this.#held[slot] as number;
    if (held !== held) return;
    this.#fresh.remove(slot);
    this.#held[slot] = Number.NaN;
    for (const division of this.#divisions) division.leave(slot, held);
  }
}
