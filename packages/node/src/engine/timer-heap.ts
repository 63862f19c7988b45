/**
 * Instants at which the engine has something to do: a binary heap in typed arrays.
 *
 * Invariants
 * 1. Timers come in order of their instant; at one instant in order of `kind`, then owner, then slot.
 * 2. A timer is never moved or taken out: its owner keeps at most one for each kind and slot, looks
 *    whether it still means anything when it comes, and sets it again when it came too early. So the
 *    heap is bounded by owners × slots.
 */
import { doubledCapacity, grownFloat64 } from "./growth.ts";

/** What a timer is for; at one instant the lower comes first, and the end of `keep_firing_for` last of all. */
export const timerKind = { breakerClose: 0, keepFiringEnd: 9 } as const;

/** One of {@link timerKind}. */
export type TimerKind = (typeof timerKind)[keyof typeof timerKind];

/** A timer that came due. */
export interface DueTimer {
  readonly dueUs: number;
  readonly kind: TimerKind;
  /** Id of the rule in the engine. */
  readonly owner: number;
  readonly slot: number;
}

const resolutionUs = 1_000;

/** The instant at which a timer for `atUs` comes: the next whole millisecond. */
export function timerInstantUs(atUs: number): number {
  return Math.ceil(atUs / resolutionUs) * resolutionUs;
}

export class TimerHeap {
  /** Instant of the first timer; Infinity when there is none. */
  nextDueUs: number = Number.POSITIVE_INFINITY;
  #size = 0;
  #dues: Float64Array = new Float64Array(16);
  /** For each timer its kind, owner and slot. */
  #keys: Int32Array = new Int32Array(16 * 3);

  get size(): number {
    return this.#size;
  }

  push(dueUs: number, kind: TimerKind, owner: number, slot: number): void {
    if (this.#size === this.#dues.length) this.#grow();
    let index = this.#size;
    this.#size += 1;
    this.#write(index, dueUs, kind, owner, slot);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#isBefore(index, parent)) break;
      this.#swap(index, parent);
      index = parent;
    }
    this.nextDueUs = this.#dues[0] as number;
  }

  /** Takes the first timer out if it is due at `nowUs`. */
  popDue(nowUs: number): DueTimer | undefined {
    if (this.#size === 0 || this.nextDueUs > nowUs) return undefined;
    const first = this.#read(0);
    this.#size -= 1;
    if (this.#size > 0) {
      this.#swap(0, this.#size);
      this.#sink(0);
    }
    this.nextDueUs = this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#dues[0] as number);
    return first;
  }

  /** Drops the timers of owners that are gone. */
  retain(isOwner: (owner: number) => boolean): void {
    let kept = 0;
    for (let index = 0; index < this.#size; index += 1) {
      if (!isOwner(this.#keys[index * 3 + 1] as number)) continue;
      if (kept < index) {
        this.#dues[kept] = this.#dues[index] as number;
        this.#keys.copyWithin(kept * 3, index * 3, index * 3 + 3);
      }
      kept += 1;
    }
    if (kept === this.#size) return;
    this.#size = kept;
    for (let index = (kept >> 1) - 1; index >= 0; index -= 1) this.#sink(index);
    this.nextDueUs = kept === 0 ? Number.POSITIVE_INFINITY : (this.#dues[0] as number);
  }

  #sink(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= this.#size) return;
      const right = left + 1;
      const child = right < this.#size && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(child, index)) return;
      this.#swap(child, index);
      index = child;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const dueDifference = (this.#dues[a] as number) - (this.#dues[b] as number);
    if (dueDifference !== 0) return dueDifference < 0;
    for (let field = 0; field < 3; field += 1) {
      const difference =
        (this.#keys[a * 3 + field] as number) - (this.#keys[b * 3 + field] as number);
      if (difference !== 0) return difference < 0;
    }
    return false;
  }

  #swap(a: number, b: number): void {
    const { dueUs, kind, owner, slot } = this.#read(a);
    const other = this.#read(b);
    this.#write(a, other.dueUs, other.kind, other.owner, other.slot);
    this.#write(b, dueUs, kind, owner, slot);
  }

  #read(index: number): DueTimer {
    return {
      dueUs: this.#dues[index] as number,
      kind: this.#keys[index * 3] as TimerKind,
      owner: this.#keys[index * 3 + 1] as number,
      slot: this.#keys[index * 3 + 2] as number,
    };
  }

  #write(index: number, dueUs: number, kind: TimerKind, owner: number, slot: number): void {
    this.#dues[index] = dueUs;
    this.#keys[index * 3] = kind;
    this.#keys[index * 3 + 1] = owner;
    this.#keys[index * 3 + 2] = slot;
  }

  #grow(): void {
    const capacity = doubledCapacity(this.#size, this.#size + 1, Number.POSITIVE_INFINITY);
    this.#dues = grownFloat64(this.#dues, capacity, 0);
    const keys = new Int32Array(capacity * 3);
    keys.set(this.#keys);
    this.#keys = keys;
  }
}
