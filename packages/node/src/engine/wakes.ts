/**
 * When each agent has to be looked at though nothing comes: one instant for each slot, not later than the first at which
 * a rule is to be evaluated for it. A sample does not move it; what comes too early is set again. So there are at most
 * as many as agents, however many rules wait.
 */
import { SlotHeap, SlotPlaces } from "./fleet/index.ts";
import { grownFloat64 } from "./growth.ts";

const never = Number.POSITIVE_INFINITY;

export class Wakes {
  /** By slot, when it is to be looked at; Infinity when it is not. */
  duesUs: Float64Array;
  readonly #places: SlotPlaces;
  readonly #heap: SlotHeap;
  #joined = 0;

  constructor(capacity: number) {
    this.duesUs = new Float64Array(capacity).fill(never);
    this.#places = new SlotPlaces(capacity);
    this.#heap = new SlotHeap(this.#places);
  }

  /** The first of all; Infinity when there is none. */
  get nextDueUs(): number {
    return this.#heap.firstKey;
  }

  /** The slot of the first; of several at one instant that of the agent that joined first. */
  get nextSlot(): number {
    return this.#heap.first;
  }

  grow(capacity: number): void {
    this.duesUs = grownFloat64(this.duesUs, capacity, never);
    this.#places.grow(capacity);
  }

  /** An agent has got the slot. */
  joined(slot: number): void {
    this.#joined += 1;
    this.#places.ranks[slot] = this.#joined;
  }

  /** Orders slots by when their agents joined. */
  readonly byJoining = (slot: number, other: number): number =>
    (this.#places.ranks[slot] as number) - (this.#places.ranks[other] as number);

  /** Has the slot looked at by then, or before if that is set already. */
  by(slot: number, dueUs: number): void {
    if (dueUs < (this.duesUs[slot] as number)) this.at(slot, dueUs);
  }

  /** Has the slot looked at then, and not before; Infinity: not at all. */
  at(slot: number, dueUs: number): void {
    const isSet = (this.duesUs[slot] as number) < never;
    this.duesUs[slot] = dueUs;
    if (dueUs < never) this.#heap.set(slot, dueUs);
    else if (isSet) this.#heap.remove(slot);
  }
}
