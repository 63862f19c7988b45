import assert from "node:assert/strict";
import { test } from "node:test";
import type { Acknowledgement } from "@myelin/core/wire";
import fc from "fast-check";
import { type NodeInstant, OutcomeStore } from "./outcome-store.ts";

const origin = { action: "restart" };
const at = (nowUs: number, uncertaintyUs = 0): NodeInstant => ({ nowUs, uncertaintyUs });

function acknowledgement(
  id: string,
  status: Acknowledgement["status"] = "received",
): Acknowledgement {
  const times = { receivedAtUs: 1, begunAtUs: 1, endedAtUs: 0 };
  return { instructionId: id, action: "", status, ...times };
}

test("an id that was seen is known with its first end", () => {
  const store = new OutcomeStore(10);
  assert.equal(store.get("i1"), undefined);
  assert.equal(store.insert(acknowledgement("i1"), origin, 1e6, at(0)), true);
  assert.equal(store.get("i1")?.status, "received");
  assert.equal(store.end(acknowledgement("i1", "executed")), true);
  assert.equal(store.end(acknowledgement("i1", "failed")), false);
  assert.equal(store.get("i1")?.status, "executed");
});

test("what is not settled is told with its action and episode", () => {
  const store = new OutcomeStore(10);
  const episode = {
    rule: "hot",
    ruleVersion: 1,
    meaningVersion: 1,
    timeLine: "t",
    startedAtUs: 5,
    attempt: 1,
    appliedUntilUs: 4,
  };
  store.insert(acknowledgement("i1"), { action: "stop", episode }, 1e6, at(0));
  store.insert(acknowledgement("i2"), origin, 1e6, at(0));
  store.end(acknowledgement("i2", "executed"));
  store.settle(["i1", "i2", "i3"]);
  assert.deepEqual(store.unsettled(), [{ ...acknowledgement("i1"), action: "stop", episode }]);
});

test("an id is forgotten once it is past whatever the uncertainty, and settled", () => {
  const store = new OutcomeStore(10);
  store.insert(acknowledgement("i1"), origin, 10e6, at(0));
  store.end(acknowledgement("i1", "executed"));
  store.sweep(at(20e6));
  assert.equal(store.size, 1, "it is not settled");
  store.settle(["i1"]);
  store.sweep(at(20e6, Number.POSITIVE_INFINITY));
  store.sweep(at(12e6, 1.5e6));
  assert.equal(store.size, 1, "it may not be past");
  for (let round = 0; round < 2; round++) store.sweep(at(12e6, 0.5e6));
  assert.equal(store.size, 0);
});

test("a full store refuses new ids while all of its own must be kept, and then gives up one that is settled and past", () => {
  const store = new OutcomeStore(2);
  store.insert(acknowledgement("i1"), origin, 1e6, at(0));
  store.insert(acknowledgement("i2"), origin, 2e6, at(0));
  store.end(acknowledgement("i1", "executed"));
  assert.equal(store.insert(acknowledgement("i3"), origin, 9e6, at(5e6)), false, "not settled");
  store.settle(["i1", "i2"]);
  assert.equal(store.insert(acknowledgement("i3"), origin, 9e6, at(1e6)), false, "not past");
  assert.equal(store.insert(acknowledgement("i3"), origin, 9e6, at(5e6)), true);
  assert.equal(store.get("i1"), undefined);
  assert.equal(store.insert(acknowledgement("i4"), origin, 9e6, at(5e6)), false, "i2 runs");
  store.end(acknowledgement("i2", "failed"));
  assert.equal(store.insert(acknowledgement("i4"), origin, 9e6, at(99e6)), false, "not settled");
  assert.equal(store.get("i2")?.status, "failed");
  store.settle(["i2"]);
  assert.equal(store.insert(acknowledgement("i4"), origin, 9e6, at(5e6)), true);
});

test("that ids were refused is told once, and the oldest outcomes that would make room are known", () => {
  const store = new OutcomeStore(3);
  for (const id of ["i1", "i2", "i3"]) store.insert(acknowledgement(id), origin, 1e6, at(0));
  assert.equal(store.takeRefusal(), false);
  for (const id of ["i2", "i3"]) store.end(acknowledgement(id, "executed"));
  for (const id of ["i4", "i5"]) store.insert(acknowledgement(id), origin, 1e6, at(0));
  assert.equal(store.takeRefusal(), true);
  assert.equal(store.takeRefusal(), false);
  const ids = (count: number): string[] =>
    store.oldestUnsettled(count).map(({ instructionId }) => instructionId);
  assert.deepEqual([ids(1), ids(9)], [["i2"], ["i2", "i3"]]);
});

test("a cancellation of an id that has not come is remembered once, of the newest 1,024", () => {
  const store = new OutcomeStore(10);
  store.insert(acknowledgement("known"), origin, 1e6, at(0));
  store.cancel("known");
  assert.equal(store.takeCancellation("known"), false);
  for (let number = 0; number < 1025; number++) store.cancel(`i${number}`);
  assert.equal(store.takeCancellation("i0"), false);
  assert.equal(store.takeCancellation("i1"), true);
  assert.equal(store.takeCancellation("i1"), false);
});

test("nothing is forgotten before it is settled and past, ids are refused only for want of room, and the bound holds", () => {
  const step = fc.record({
    what: fc.constantFrom("arrive", "arrive", "end", "settle", "sweep"),
    id: fc.integer({ min: 0, max: 30 }),
    advanceUs: fc.integer({ min: 0, max: 800_000 }),
    lifeUs: fc.integer({ min: 0, max: 3_000_000 }),
    uncertaintyUs: fc.constantFrom(0, 1000, 2_000_000),
  });
  interface Kept {
    readonly lastUs: number;
    end: number | undefined;
    isSettled: boolean;
  }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const bound = 8;
      const store = new OutcomeStore(bound);
      const kept = new Map<string, Kept>();
      let nowUs = 0;
      for (const { what, id, advanceUs, lifeUs, uncertaintyUs } of steps) {
        nowUs += advanceUs;
        const name = `i${id}`;
        const instant = { nowUs, uncertaintyUs };
        const mayGo = ({ lastUs, isSettled }: Kept): boolean =>
          isSettled && nowUs - uncertaintyUs > lastUs + 1e6;
        if (what === "arrive" && store.get(name) === undefined) {
          const isFull = store.size === bound;
          const hasRoom = !isFull || [...kept.values()].some(mayGo);
          const wasTaken = store.insert(acknowledgement(name), origin, nowUs + lifeUs, instant);
          assert.equal(wasTaken, hasRoom, `${name} at ${nowUs}`);
          assert.equal(store.takeRefusal(), !hasRoom);
          if (wasTaken)
            kept.set(name, { lastUs: nowUs + lifeUs, end: undefined, isSettled: false });
        } else if (what === "end") {
          const endedAtUs = nowUs + 1;
          const isFirst = store.end({ ...acknowledgement(name, "executed"), endedAtUs });
          const entry = kept.get(name);
          assert.equal(isFirst, entry !== undefined && entry.end === undefined);
          if (entry !== undefined) entry.end ??= endedAtUs;
        } else if (what === "settle") {
          store.settle([name]);
          const entry = kept.get(name);
          if (entry?.end !== undefined) entry.isSettled = true;
        } else if (what === "sweep") {
          store.sweep(instant);
        }
        for (const [key, entry] of kept) {
          const known = store.get(key);
          if (known === undefined) {
            assert.ok(mayGo(entry), `${key} was forgotten while it had to be kept`);
            kept.delete(key);
          } else assert.equal(known.endedAtUs, entry.end ?? 0);
        }
        assert.ok(store.size <= bound);
        assert.deepEqual(
          store.unsettled().map(({ instructionId }) => instructionId),
          [...kept].filter(([, { isSettled }]) => !isSettled).map(([key]) => key),
        );
      }
    }),
  );
});
