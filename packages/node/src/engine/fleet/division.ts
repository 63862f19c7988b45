/** Agents, all or by the value of a label, and what their values come to in each group. */
import type { FleetFunction } from "@myelin/core/rules";
import { ExactSum } from "./exact-sum.ts";
import type { DivisionShares, GroupShare, OtherShares } from "./shares.ts";
import { SlotHeap, SlotPlaces } from "./slot-heap.ts";

/** Agents with one value of the label. */
interface Group {
  readonly key: string;
  /** Agents that are asked about or counted in it. */
  members: number;
  count: number;
  readonly sum: ExactSum;
  readonly least: SlotHeap;
  readonly greatest: SlotHeap;
}

/** What is asked of the groups. */
export type Wanted = ReadonlySet<FleetFunction>;

export class Division {
  /** What is asked, and so kept. */
  readonly wanted: Wanted;
  readonly #keyOf: (slot: number) => string | undefined;
  readonly #groups = new Map<string, Group>();
  /** By slot, its group, once it has been asked for. */
  readonly #bySlot: (Group | undefined)[] = [];
  readonly #least: SlotPlaces;
  readonly #greatest: SlotPlaces;
  /** What other lanes have told; undefined where there are none. */
  readonly #others: OtherShares | undefined;
  /** Groups that have changed since the other lanes were told; empty where there are none. */
  #changed = new Set<Group>();
  /** Whether the other lanes are to forget what they were told before. */
  #isUntold = true;

  /**
   * @param keyOf The value of the label; undefined for an agent in no group.
   * @param others What the other lanes tell; absent where there are none.
   */
  constructor(
    wanted: Wanted,
    capacity: number,
    keyOf: (slot: number) => string | undefined,
    others?: OtherShares,
  ) {
    this.wanted = wanted;
    this.#keyOf = keyOf;
    this.#others = others;
    this.#least = new SlotPlaces(wanted.has("min") ? capacity : 0);
    this.#greatest = new SlotPlaces(wanted.has("max") ? capacity : 0);
  }

  grow(capacity: number): void {
    if (this.wanted.has("min")) this.#least.grow(capacity);
    if (this.wanted.has("max")) this.#greatest.grow(capacity);
  }

  /** What the values of the agent's group come to; NaN is unknown. */
  read(slot: number, name: FleetFunction): number {
    const group = this.#groupOf(slot);
    if (group === undefined) return Number.NaN;
    if (this.#others !== undefined) return valueOf(this.#others.withOthers(shareOf(group)), name);
    if (name === "count") return group.count;
    if (group.count === 0) return Number.NaN;
    switch (name) {
      case "min":
        return group.least.firstKey;
      case "max":
        return -group.greatest.firstKey;
      case "sum":
        return group.sum.value;
      case "avg":
        return group.sum.value / group.count;
    }
  }

  enter(slot: number, value: number): void {
    const group = this.#groupOf(slot);
    if (group === undefined) return;
    group.count += 1;
    if (this.#hasSum) group.sum.add(value);
    this.#order(group, slot, value);
    this.#note(group);
  }

  change(slot: number, before: number, value: number): void {
    const group = this.#groupOf(slot);
    if (group === undefined) return;
    if (this.#hasSum) {
      group.sum.subtract(before);
      group.sum.add(value);
    }
    this.#order(group, slot, value);
    this.#note(group);
  }

  leave(slot: number, value: number): void {
    const group = this.#groupOf(slot);
    if (group === undefined) return;
    group.count -= 1;
    if (this.#hasSum) group.sum.subtract(value);
    if (this.wanted.has("min")) group.least.remove(slot);
    if (this.wanted.has("max")) group.greatest.remove(slot);
    this.#note(group);
  }

  /** What is to be told to the other lanes since it was last taken; undefined when nothing is. */
  takeShares(division: string): DivisionShares | undefined {
    const isWhole = this.#isUntold;
    if (!isWhole && this.#changed.size === 0) return undefined;
    const groups = Array.from(isWhole ? this.#groups.values() : this.#changed, shareOf);
    this.#isUntold = false;
    this.#changed = new Set();
    return { division, isWhole, groups };
  }

  /** The other lanes may have missed something: they are told all anew. */
  retell(): void {
    this.#isUntold = true;
  }

  /** The agent's label may be another from now on, or the agent has left; its value is not in then. */
  forget(slot: number): void {
    const group = this.#bySlot[slot];
    if (group === undefined) return;
    this.#bySlot[slot] = undefined;
    group.members -= 1;
    if (group.members === 0) this.#groups.delete(group.key);
  }

  #note(group: Group): void {
    if (this.#others !== undefined) this.#changed.add(group);
  }

  get #hasSum(): boolean {
    return this.wanted.has("sum") || this.wanted.has("avg");
  }

  #order(group: Group, slot: number, value: number): void {
    if (this.wanted.has("min")) group.least.set(slot, value);
    if (this.wanted.has("max")) group.greatest.set(slot, -value);
  }

  #groupOf(slot: number): Group | undefined {
    const known = this.#bySlot[slot];
    if (known !== undefined) return known;
    const key = this.#keyOf(slot);
    if (key === undefined) return undefined;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = {
        key,
        members: 0,
        count: 0,
        sum: new ExactSum(),
        least: new SlotHeap(this.#least),
        greatest: new SlotHeap(this.#greatest),
      };
      this.#groups.set(key, group);
    }
    group.members += 1;
    this.#bySlot[slot] = group;
    return group;
  }
}

function shareOf({ key, count, sum, least, greatest }: Group): GroupShare {
  return {
    group: key,
    count,
    sum: sum.value,
    least: least.firstKey,
    greatest: -greatest.firstKey,
  };
}

/** What a share comes to; NaN is unknown. */
function valueOf({ count, sum, least, greatest }: GroupShare, name: FleetFunction): number {
  if (name === "count") return count;
  if (count === 0) return Number.NaN;
  switch (name) {
    case "min":
      return least;
    case "max":
      return greatest;
    case "sum":
      return sum;
    case "avg":
      return sum / count;
  }
}
