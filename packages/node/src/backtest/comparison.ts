/**
 * Compares what two sets of rules decide, while both are told the same.
 *
 * Invariants
 * 1. Decisions of a rule for an agent at one instant are the same one. What is left is paired with the next of the other side
 *    within `pairUs`: it came at another time; what has no such pair is only on its side.
 * 2. What waits for its pair waits `pairUs` of the node's clock at most.
 */
import type { JsonObject } from "@myelin/core/json";
import { isSameJson } from "../engine/index.ts";
import type { BacktestFiring } from "./figures.ts";

/** How decisions differ: only of the rules now, only of those before, or of both in another way or at another time. */
export type Difference =
  | { readonly kind: "added"; readonly now: BacktestFiring }
  | { readonly kind: "removed"; readonly before: BacktestFiring }
  | { readonly kind: "changed"; readonly now: BacktestFiring; readonly before: BacktestFiring };

export type Side = "now" | "before";

const pairUs = 60_000_000;

/** Decisions of a rule for an agent that have no pair yet, in order of time; those of one side only. */
interface Waiting {
  readonly now: BacktestFiring[];
  readonly before: BacktestFiring[];
}

export class Comparison {
  readonly #onDifference: (difference: Difference) => void;
  readonly #waiting: Map<string, Waiting> = new Map();
  #lookAtUs = Number.NEGATIVE_INFINITY;

  constructor(onDifference: (difference: Difference) => void) {
    this.#onDifference = onDifference;
  }

  /** Takes a decision of one side. */
  take(side: Side, firing: BacktestFiring): void {
    const key = `${firing.rule} ${firing.agent}`;
    const waiting = this.#waiting.get(key) ?? { now: [], before: [] };
    const others = waiting[side === "now" ? "before" : "now"];
    const same = others.findIndex(
      ({ atUs, attempt }) => atUs === firing.atUs && attempt === firing.attempt,
    );
    const [other] = same < 0 ? [] : others.splice(same, 1);
    if (other === undefined) {
      waiting[side].push(firing);
      this.#waiting.set(key, waiting);
      return;
    }
    const [now, before] = side === "now" ? [firing, other] : [other, firing];
    if (!isSame(now, before)) this.#onDifference({ kind: "changed", now, before });
    if (waiting.now.length + waiting.before.length === 0) this.#waiting.delete(key);
  }

  /** Both sides have been told everything before this instant. */
  passed(nowUs: number): void {
    if (nowUs < this.#lookAtUs) return;
    this.#lookAtUs = nowUs + pairUs / 4;
    for (const [key, waiting] of this.#waiting) {
      this.#settle(waiting, nowUs - pairUs);
      if (waiting.now.length + waiting.before.length === 0) this.#waiting.delete(key);
    }
  }

  /** Nothing follows. */
  end(): void {
    for (const waiting of this.#waiting.values()) this.#settle(waiting, Number.POSITIVE_INFINITY);
    this.#waiting.clear();
  }

  /** Tells of what is not newer than `untilUs`, the oldest first. */
  #settle({ now, before }: Waiting, untilUs: number): void {
    for (;;) {
      const [a, b] = [now[0], before[0]];
      if (Math.min(atUsOf(a), atUsOf(b)) > untilUs || (a === undefined && b === undefined)) return;
      const isAdded = isAlone(now, b);
      const isRemoved = isAlone(before, a);
      if (a !== undefined && isAdded && !(isRemoved && atUsOf(b) < a.atUs)) {
        now.shift();
        this.#onDifference({ kind: "added", now: a });
      } else if (b !== undefined && isRemoved) {
        before.shift();
        this.#onDifference({ kind: "removed", before: b });
      } else if (a !== undefined && b !== undefined) {
        now.shift();
        before.shift();
        this.#onDifference({ kind: "changed", now: a, before: b });
      }
    }
  }
}

function atUsOf(firing: BacktestFiring | undefined): number {
  return firing?.atUs ?? Number.POSITIVE_INFINITY;
}

/** Whether the first of a side has no pair: the other side's first is too far away, or nearer to the one behind it. */
function isAlone(
  [first, next]: readonly BacktestFiring[],
  other: BacktestFiring | undefined,
): boolean {
  if (first === undefined) return false;
  if (other === undefined) return true;
  const distanceUs = Math.abs(first.atUs - other.atUs);
  return distanceUs > pairUs || Math.abs(atUsOf(next) - other.atUs) < distanceUs;
}

function isSame(now: BacktestFiring, before: BacktestFiring): boolean {
  return isSameJson(contentOf(now), contentOf(before));
}

function contentOf({ action, args, attempt, mode }: BacktestFiring): JsonObject {
  return { action, args, attempt, mode };
}
