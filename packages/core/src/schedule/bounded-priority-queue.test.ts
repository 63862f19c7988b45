import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BoundedPriorityQueue } from "./index.ts";

function drain<T>(queue: BoundedPriorityQueue<T>): T[] {
  const items: T[] = [];
  for (let item = queue.pop(); item !== undefined; item = queue.pop()) items.push(item);
  return items;
}

test("the highest score leaves first, and equal scores in the order they came", () => {
  const queue = new BoundedPriorityQueue<string>(10);
  queue.push("b", 0.5);
  queue.push("a", 0.9);
  queue.push("c", 0.5);
  queue.push("d", Number.NaN);
  queue.push("e", -1);
  assert.equal(queue.peekScore(), 0.9);
  assert.deepEqual(drain(queue), ["a", "b", "c", "e", "d"]);
  assert.equal(queue.peekScore(), undefined);
  assert.equal(queue.pop(), undefined);
});

test("at the bound the lowest is shed, which may be the newcomer", () => {
  const queue = new BoundedPriorityQueue<string>(2);
  assert.equal(queue.push("a", 0.5), undefined);
  assert.equal(queue.push("b", 0.2), undefined);
  assert.equal(queue.push("c", 0.3), "b");
  assert.equal(queue.push("d", 0.1), "d");
  assert.equal(queue.push("e", 0.3), "e");
  assert.deepEqual(drain(queue), ["a", "c"]);
});

test("of equal lowest scores the one that came last is shed", () => {
  const queue = new BoundedPriorityQueue<string>(3);
  queue.push("a", 0.2);
  queue.push("b", 0.2);
  queue.push("c", 0.9);
  assert.equal(queue.push("d", 0.5), "b");
});

test("what is protected is never shed, and finds room as long as something else can leave", () => {
  const queue = new BoundedPriorityQueue<string>(2);
  queue.push("a", 0.1, { isProtected: true });
  queue.push("b", 0.9);
  assert.equal(queue.push("c", 0.5), "c");
  assert.equal(queue.push("d", 0.0, { isProtected: true }), "b");
  assert.equal(queue.protectedSize, 2);
  assert.equal(queue.push("e", 1), "e");
  assert.throws(() => queue.push("f", 1, { isProtected: true }), { code: "RESOURCE_EXHAUSTED" });
  assert.deepEqual(drain(queue), ["a", "d"]);
});

test("an item that is pushed again moves to its new score", () => {
  const queue = new BoundedPriorityQueue<string>(2);
  queue.push("a", 0.1);
  queue.push("b", 0.5);
  assert.equal(queue.push("a", 0.9), undefined);
  assert.equal(queue.size, 2);
  assert.deepEqual(drain(queue), ["a", "b"]);
});

test("an item can be taken out from anywhere", () => {
  const queue = new BoundedPriorityQueue<number>(100);
  for (let item = 0; item < 20; item++) queue.push(item, (item * 7) % 20);
  assert.equal(queue.remove(3), true);
  assert.equal(queue.remove(3), false);
  assert.equal(queue.size, 19);
  assert.ok(!drain(queue).includes(3));
});

test("the lowest can be shed without a newcomer, but never what is protected", () => {
  const queue = new BoundedPriorityQueue<string>(10);
  queue.push("a", 0.1, { isProtected: true });
  queue.push("b", 0.9);
  queue.push("c", 0.5);
  assert.deepEqual(
    [queue.shedLowest(), queue.shedLowest(), queue.shedLowest()],
    ["c", "b", undefined],
  );
  assert.deepEqual(drain(queue), ["a"]);
});

test("a queue of no capacity sheds every newcomer", () => {
  const queue = new BoundedPriorityQueue<string>(0);
  assert.equal(queue.push("a", 1), "a");
  assert.equal(queue.size, 0);
});

/** The same by sorting a list. */
class ListQueue {
  readonly #capacity: number;
  #entries: { item: number; score: number; turn: number; isProtected: boolean }[] = [];
  #turns = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.length;
  }

  push(item: number, score: number, isProtected: boolean): number | undefined {
    this.remove(item);
    const entry = { item, score, isProtected, turn: this.#turns++ };
    const all = [...this.#entries, entry].sort((a, b) => b.score - a.score || a.turn - b.turn);
    const victim =
      all.length > this.#capacity ? all.findLast((other) => !other.isProtected) : undefined;
    if (all.length > this.#capacity && victim === undefined) throw new Error("full");
    this.#entries = all.filter((other) => other !== victim);
    return victim?.item;
  }

  pop(): number | undefined {
    return this.#entries.shift()?.item;
  }

  remove(item: number): boolean {
    const { size } = this;
    this.#entries = this.#entries.filter((entry) => entry.item !== item);
    return this.#entries.length < size;
  }
}

test("any sequence of calls has the outcome of a list that is sorted", () => {
  const call = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ item: fc.nat(30), score: fc.nat(8), isProtected: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ removed: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.constant("pop" as const) },
  );
  const outcome = (perform: () => unknown): unknown => {
    try {
      return perform();
    } catch {
      return "full";
    }
  };
  fc.assert(
    fc.property(fc.nat(8), fc.array(call, { maxLength: 120 }), (capacity, calls) => {
      const queue = new BoundedPriorityQueue<number>(capacity);
      const list = new ListQueue(capacity);
      for (const made of calls) {
        if (made === "pop") assert.equal(queue.pop(), list.pop());
        else if ("removed" in made)
          assert.equal(queue.remove(made.removed), list.remove(made.removed));
        else {
          const { item, score, isProtected } = made;
          assert.equal(
            outcome(() => queue.push(item, score, { isProtected })),
            outcome(() => list.push(item, score, isProtected)),
          );
        }
        assert.equal(queue.size, list.size);
      }
      while (list.size > 0) assert.equal(queue.pop(), list.pop());
      assert.equal(queue.size, 0);
    }),
    { numRuns: 500 },
  );
});
