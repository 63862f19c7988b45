import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject, JsonValue } from "@myelin/core/json";
import { AgentTwin, maxTwinLevels, maxTwinSize } from "./agent-twin.ts";

const change = (version: number, patch: JsonObject, isFull = false) => ({
  version,
  isFull,
  patch,
  timeUs: 0,
});

function twinOf(...parts: readonly string[]): AgentTwin {
  const twin = new AgentTwin();
  for (const part of parts) twin.open(part, "life-1");
  return twin;
}

describe("a part's state", () => {
  test("is changed by one patch after the other", () => {
    const twin = twinOf("app");
    assert.equal(twin.apply("app", change(1, { a: 1, b: { c: 2 } })), "applied");
    assert.deepEqual(twin.changedFields, ["a", "b"]);
    assert.equal(twin.apply("app", change(2, { b: { c: null, d: 3 } })), "applied");
    assert.deepEqual(twin.changedFields, ["b"]);
    assert.deepEqual(twin.view, { a: 1, b: { d: 3 } });
  });

  test("is not changed by a repetition", () => {
    const twin = twinOf("app");
    twin.apply("app", change(1, { a: 1 }));
    twin.apply("app", change(2, { a: 2 }));
    assert.equal(twin.apply("app", change(1, { a: 1 })), "repeated");
    assert.equal(twin.apply("app", change(2, { a: 9 })), "repeated");
    assert.equal(twin.apply("app", change(1, { a: 9 }, true)), "repeated");
    assert.deepEqual(twin.view, { a: 2 });
  });

  test("after a gap stays as it is until a full one comes", () => {
    const twin = twinOf("app");
    twin.apply("app", change(1, { a: 1 }));
    assert.equal(twin.apply("app", change(3, { b: 3 })), "needsFull");
    assert.equal(
      twin.apply("app", change(2, { c: 2 })),
      "needsFull",
      "what came before the gap may be lost too",
    );
    assert.deepEqual(twin.view, { a: 1 });
    assert.equal(twin.apply("app", change(3, { b: 3, c: 2 }, true)), "applied");
    assert.deepEqual(twin.changedFields.toSorted(), ["a", "b", "c"]);
    assert.equal(twin.apply("app", change(4, { d: 4 })), "applied");
    assert.deepEqual(twin.view, { b: 3, c: 2, d: 4 });
  });

  test("of an earlier incarnation shows until the new one reports", () => {
    const twin = twinOf("app");
    twin.apply("app", change(7, { a: 1, b: 1 }, true));
    twin.open("app", "life-2");
    assert.deepEqual(twin.view, { a: 1, b: 1 });
    assert.equal(twin.apply("app", change(1, { b: 2 })), "applied");
    assert.deepEqual(twin.view, { b: 2 });
    assert.deepEqual(twin.changedFields, ["a", "b"]);
    twin.open("app", "life-2");
    assert.equal(twin.apply("app", change(2, { c: 3 })), "applied");
  });

  test("is bounded in size and depth; what goes beyond is refused, and asks for a full state after", () => {
    const twin = twinOf("app");
    twin.apply("app", change(1, { a: "x".repeat(maxTwinSize - 100) }));
    assert.equal(twin.apply("app", change(2, { b: "y".repeat(200) })), "refused");
    assert.deepEqual(Object.keys(twin.view), ["a"]);
    assert.equal(twin.apply("app", change(3, { a: null })), "needsFull");
    assert.equal(twin.apply("app", change(3, { b: 1 }, true)), "applied");
    let deep: JsonValue = 1;
    for (let level = 0; level < maxTwinLevels; level += 1) deep = { deep };
    assert.equal(twin.apply("app", change(4, { deep })), "refused");
    assert.deepEqual(twin.view, { b: 1 });
  });

  test("may be rewritten for ever without growing", () => {
    const twin = twinOf("app");
    for (let version = 1; version <= 200; version += 1) {
      assert.equal(
        twin.apply("app", change(version, { text: "x".repeat(maxTwinSize / 4 + version) })),
        "applied",
      );
    }
  });

  test("of a part that was not opened is not known", () => {
    assert.equal(twinOf("app").apply("other", change(1, {})), "needsFull");
  });
});

test("of a field that several parts report, the app's counts most and the supervisor's least", () => {
  const twin = twinOf("app", "zeta", "alpha", "supervisor");
  for (const part of ["app", "zeta", "alpha", "supervisor"]) {
    twin.apply(
      part,
      change(1, { who: part, parts: { [part]: true }, ...(part === "app" ? {} : { rest: part }) }),
    );
  }
  assert.deepEqual(twin.view, {
    who: "app",
    parts: { app: true, alpha: true, zeta: true, supervisor: true },
    rest: "zeta",
  });
});
