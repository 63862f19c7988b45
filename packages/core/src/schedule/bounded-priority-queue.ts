/*
 * Orders what waits by score, within a bound.
 *
 * Invariants:
 * 1. There are never more than `capacity` items.
 * 2. The highest score leaves first; of equal scores, what came first.
 * 3. At the bound the lowest score is shed, which may be the newcomer; of equal scores, what came last.
 * 4. What is protected is never shed.
 */
import { MyelinError } from "../errors/index.ts";
import { Heap } from "./heap.ts";

interface Entry<T> {
  readonly item: T;
  readonly score: number;
  readonly sequence: number;
  /** Place in the order of leaving. */
  turn: number;
  /** Place in the order of being shed; -1 for what is protected. */
  risk: number;
}

/** How an item is pushed. */
export interface PushOptions {
  /** True for what must not be shed. */
  readonly isProtected?: boolean;
}

/** A bounded queue, highest score first; every change takes O(log n). Items are told apart by identity. */
export class BoundedPriorityQueue<T> {
  readonly capacity: number;
  readonly #entries = new Map<T, Entry<T>>();
  readonly #turns: Heap<Entry<T>>;
  readonly #risks: Heap<Entry<T>>;
  #pushes = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#turns = new Heap<Entry<T>>({
      isBefore: leavesBefore,
      placeOf: (entry) => entry.turn,
      setPlace: (entry, place) => {
        entry.turn = place;
      },
    });
    this.#risks = new Heap<Entry<T>>({
      isBefore: (a, b) => leavesBefore(b, a),
      placeOf: (entry) => entry.risk,
      setPlace: (entry, place) => {
        entry.risk = place;
      },
    });
  }

  /** How many entries wait. */
  get size(): number {
    return this.#entries.size;
  }

  /** How many items are protected; while this is below `capacity`, a protected item finds room. */
  get protectedSize(): number {
    return this.#entries.size - this.#risks.size;
  }

  /**
   * Adds an item, or gives one that is in the queue a new score and turn. A score that is no number
   * counts as the lowest.
   * @returns what was shed to keep the bound (the newcomer, when it is the lowest), or undefined
   * @throws MyelinError RESOURCE_EXHAUSTED when the newcomer is protected and the queue is full of such
   */
  push(item: T, score: number, options: PushOptions = {}): T | undefined {
    const isProtected = options.isProtected === true;
    this.remove(item);
    const entry: Entry<T> = {
      item,
      score: Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score,
      sequence: this.#pushes++,
      turn: -1,
      risk: -1,
    };
    let shed: T | undefined;
    if (this.#entries.size >= this.capacity) {
      const lowest = this.#risks.peek();
      if (lowest === undefined && isProtected) {
        throw new MyelinError("RESOURCE_EXHAUSTED", `all ${this.capacity} places are taken`);
      }
      if (lowest === undefined || (!isProtected && leavesBefore(lowest, entry))) return item;
      shed = lowest.item;
      this.#remove(lowest);
    }
    this.#entries.set(item, entry);
    this.#turns.push(entry);
    if (!isProtected) this.#risks.push(entry);
    return shed;
  }

  /** Takes out the highest. */
  pop(): T | undefined {
    const entry = this.#turns.peek();
    if (entry === undefined) return undefined;
    this.#remove(entry);
    return entry.item;
  }

  /** Takes out what would be shed next: the lowest that is not protected. */
  shedLowest(): T | undefined {
    const lowest = this.#risks.peek();
    if (lowest !== undefined) this.#remove(lowest);
    return lowest?.item;
  }

  /** What is in the queue, in no order. */
  items(): IterableIterator<T> {
    return this.#entries.keys();
  }

  /** Score of the highest. */
  peekScore(): number | undefined {
    return this.#turns.peek()?.score;
  }

  /** Takes an item out; false when it is not in the queue. */
  remove(item: T): boolean {
    const entry = this.#entries.get(item);
    if (entry === undefined) return false;
    this.#remove(entry);
    return true;
  }

  #remove(entry: Entry<T>): void {
    this.#entries.delete(entry.item);
    this.#turns.remove(entry);
    this.#risks.remove(entry);
  }
}

function leavesBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.score > b.score || (a.score === b.score && a.sequence < b.sequence);
}
