/**
 * Instants at which the engine has something to do: a hierarchical timing wheel at a resolution of 1 ms, in typed arrays.
 * What comes next is in a heap, which is small whatever waits.
 *
 * Invariants
 * 1. Timers come in order of their instant; at one instant in order of `kind`, then owner, then slot.
 * 2. In a cell of level l are timers whose ticks are like `#tick` but for digit l (base 64) and those below, and greater in
 *    it. So all of a lower level come before all of a higher one, and cells of a level in their order.
 * 3. Timers with ticks up to `#tick` are in the heap, all of one tick together.
 * 4. A timer is never moved or taken out: see `TimerHeap`. Setting one allocates nothing but when it is the most there were.
 */
import { grownFloat64, grownInt32 } from "./growth.ts";
import { type DueTimer, TimerHeap, type TimerKind } from "./timer-heap.ts";

const tickUs = 1_000;
const cellsPerLevel = 64;
/** 48 bits of milliseconds. */
const levels = 8;
const none = -1;
const never = Number.POSITIVE_INFINITY;
const firstCapacity = 64;
/** With more room than this it is given back when nothing waits. */
const keptCapacity = 4_096;

export class TimerWheel {
  readonly #near = new TimerHeap();
  #tick = 0;
  /** How many are in cells. */
  #far = 0;
  /** By cell, the first timer in it, and the earliest instant. */
  readonly #firsts: Int32Array = new Int32Array(levels * cellsPerLevel).fill(none);
  readonly #earliestUs: Float64Array = new Float64Array(levels * cellsPerLevel).fill(never);
  /** By level, how many timers are in it. */
  readonly #counts: Int32Array = new Int32Array(levels);
  /** By timer: its instant, what it is, and the next of its cell or of those that are free. */
  #dues: Float64Array = new Float64Array(0);
  #keys: Int32Array = new Int32Array(0);
  #nexts: Int32Array = new Int32Array(0);
  #free = none;
  #farDueUs: number = never;

  /** Instant of the first timer; Infinity when there is none. */
  nextDueUs: number = never;

  get size(): number {
    return this.#near.size + this.#far;
  }

  push(dueUs: number, kind: TimerKind, owner: number, slot: number): void {
    if (dueUs < this.nextDueUs) this.nextDueUs = dueUs;
    const tick = Math.floor(dueUs / tickUs);
    if (tick <= this.#tick) {
      this.#near.push(dueUs, kind, owner, slot);
      return;
    }
    if (this.#free === none) this.#grow();
    const timer = this.#free;
    this.#free = this.#nexts[timer] as number;
    this.#dues[timer] = dueUs;
    this.#keys[timer * 3] = kind;
    this.#keys[timer * 3 + 1] = owner;
    this.#keys[timer * 3 + 2] = slot;
    this.#far += 1;
    this.#place(timer, tick);
    if (dueUs < this.#farDueUs) this.#farDueUs = dueUs;
  }

  /** Takes the first timer out if it is due at `nowUs`. */
  popDue(nowUs: number): DueTimer | undefined {
    if (this.nextDueUs > nowUs) return undefined;
    while (this.#farDueUs <= nowUs && this.#farDueUs <= this.#near.nextDueUs) this.#turn();
    const first = this.#near.popDue(nowUs);
    this.nextDueUs = Math.min(this.#near.nextDueUs, this.#farDueUs);
    return first;
  }

  /** Drops the timers of owners that are gone. */
  retain(isOwner: (owner: number) => boolean): void {
    this.#near.retain(isOwner);
    for (let cell = 0; cell < this.#firsts.length; cell += 1) {
      let timer = this.#empty(cell);
      while (timer !== none) {
        const next = this.#nexts[timer] as number;
        if (isOwner(this.#keys[timer * 3 + 1] as number)) this.#put(timer, cell);
        else this.#give(timer);
        timer = next;
      }
    }
    this.#farDueUs = this.#earliest();
    this.nextDueUs = Math.min(this.#near.nextDueUs, this.#farDueUs);
  }

  /** Goes on to the first cell: its timers come to cells of lower levels, or to the heap. */
  #turn(): void {
    const level = this.#counts.findIndex((count) => count > 0);
    const cell = this.#firstCell(level);
    this.#tick = this.#beginOf(cell, level);
    let timer = this.#empty(cell);
    while (timer !== none) {
      const next = this.#nexts[timer] as number;
      const dueUs = this.#dues[timer] as number;
      const tick = Math.floor(dueUs / tickUs);
      if (tick > this.#tick) this.#place(timer, tick);
      else {
        const at = timer * 3;
        const kind = this.#keys[at] as TimerKind;
        this.#near.push(dueUs, kind, this.#keys[at + 1] as number, this.#keys[at + 2] as number);
        this.#give(timer);
      }
      timer = next;
    }
    this.#farDueUs = this.#earliest();
    if (this.#far === 0 && this.#dues.length > keptCapacity) this.#shrink();
  }

  /** The tick that a cell of a level begins with. */
  #beginOf(cell: number, level: number): number {
    const width = cellsPerLevel ** level;
    const above = Math.floor(this.#tick / (width * cellsPerLevel)) * width * cellsPerLevel;
    return above + (cell - level * cellsPerLevel) * width;
  }

  #place(timer: number, tick: number): void {
    let level = 0;
    let width = cellsPerLevel;
    while (level < levels - 1 && Math.floor(tick / width) !== Math.floor(this.#tick / width)) {
      level += 1;
      width *= cellsPerLevel;
    }
    const digit = Math.floor(tick / (width / cellsPerLevel)) % cellsPerLevel;
    this.#put(timer, level * cellsPerLevel + digit);
  }

  #put(timer: number, cell: number): void {
    const level = Math.floor(cell / cellsPerLevel);
    this.#nexts[timer] = this.#firsts[cell] as number;
    this.#firsts[cell] = timer;
    this.#counts[level] = (this.#counts[level] as number) + 1;
    const dueUs = this.#dues[timer] as number;
    if (dueUs < (this.#earliestUs[cell] as number)) this.#earliestUs[cell] = dueUs;
  }

  /** Takes all timers out of a cell; gives the first of them. */
  #empty(cell: number): number {
    const level = Math.floor(cell / cellsPerLevel);
    const first = this.#firsts[cell] as number;
    let count = 0;
    for (let timer = first; timer !== none; timer = this.#nexts[timer] as number) count += 1;
    this.#counts[level] = (this.#counts[level] as number) - count;
    this.#firsts[cell] = none;
    this.#earliestUs[cell] = never;
    return first;
  }

  #give(timer: number): void {
    this.#nexts[timer] = this.#free;
    this.#free = timer;
    this.#far -= 1;
  }

  #firstCell(level: number): number {
    let cell = level * cellsPerLevel;
    while (this.#firsts[cell] === none) cell += 1;
    return cell;
  }

  #earliest(): number {
    const level = this.#counts.findIndex((count) => count > 0);
    return level === -1 ? never : (this.#earliestUs[this.#firstCell(level)] as number);
  }

  #grow(): void {
    const from = this.#dues.length;
    const capacity = Math.max(firstCapacity, from * 2);
    this.#dues = grownFloat64(this.#dues, capacity, 0);
    this.#keys = grownInt32(this.#keys, capacity * 3, 0);
    this.#nexts = grownInt32(this.#nexts, capacity, none);
    for (let timer = capacity - 1; timer >= from; timer -= 1) {
      this.#nexts[timer] = this.#free;
      this.#free = timer;
    }
  }

  #shrink(): void {
    this.#dues = new Float64Array(0);
    this.#keys = new Int32Array(0);
    this.#nexts = new Int32Array(0);
    this.#free = none;
  }
}
