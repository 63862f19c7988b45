import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { parseRuleName } from "@myelin/core/ids";
import { createMemoryStore } from "../adapters/memory-store/index.ts";
import { RuleBook } from "./index.ts";

const hot = parseRuleName("hot");

function bench(): { book: RuleBook; inForce: () => readonly string[] } {
  const clock = new VirtualClock(1_790_000_000_000_000);
  let inForce: readonly string[] = [];
  const book = new RuleBook({
    clock,
    store: createMemoryStore({ clock }),
    maxRules: 10,
    knowsMetric: () => true,
    prepare: function* (rules) {
      yield;
      return () => {
        inForce = rules.map(({ plan, version }) => `${plan.name}@${version}`);
      };
    },
  });
  return { book, inForce: () => inForce };
}

function rules(...fields: readonly object[]): string {
  const common = { name: "hot", expr: "cpu_usage > 0.9", action: "restart" };
  return JSON.stringify({ rules: fields.map((each) => ({ ...common, ...each })) });
}

test("the difference of two versions names the fields that changed, and whether the meaning did", async () => {
  const { book } = bench();
  await book.apply(rules({ priority: 3 }), "a");
  await book.apply(rules({ priority: 9, sla: "10ms" }), "b");
  await book.apply(rules({ priority: 9, sla: "10ms", for: "5s" }), "c");
  const latest = await book.difference(hot);
  assert.deepEqual(latest.changes, [{ field: "for", after: "5s" }]);
  assert.equal(latest.isMeaningChanged, true);
  const first = await book.difference(hot, 1, 2);
  assert.deepEqual(first.changes, [
    { field: "priority", before: 3, after: 9 },
    { field: "sla", after: "10ms" },
  ]);
  assert.equal(first.isMeaningChanged, false);
  const created = await book.difference(hot, undefined, 1);
  assert.equal(created.from, undefined);
  assert.deepEqual(
    created.changes.map(({ field }) => field),
    ["name", "expr", "action", "priority"],
  );
  await assert.rejects(book.difference(hot, 1, 7), { code: "NOT_FOUND" });
});

test("a rollback takes up the version before as a new one, which the next rollback takes back", async () => {
  const { book, inForce } = bench();
  await book.apply(rules({}), "a");
  await book.apply(rules({ expr: "cpu_usage > 0.5" }), "b");
  const back = await book.rollback(hot, undefined, "c");
  assert.deepEqual(back, { name: "hot", version: 3, change: "updated", rolledBackTo: 1 });
  assert.deepEqual(inForce(), ["hot@3"]);
  assert.equal(book.get(hot)?.plan.source.expr, "cpu_usage > 0.9");
  const versions = await book.versions(hot);
  assert.deepEqual(
    versions.map(({ version, actor, rolledBackTo }) => [version, actor, rolledBackTo]),
    [
      [1, "a", undefined],
      [2, "b", undefined],
      [3, "c", 1],
    ],
  );
  assert.equal((await book.rollback(hot, undefined, "c")).rolledBackTo, 2);
  assert.equal(book.get(hot)?.plan.source.expr, "cpu_usage > 0.5");
});

test("a rollback to what is in force changes nothing, and a deleted rule comes back by one", async () => {
  const { book, inForce } = bench();
  await book.apply(rules({}), "a");
  await assert.rejects(book.rollback(hot, undefined, "a"), { code: "CONFLICT" });
  const { etag } = book;
  assert.equal((await book.rollback(hot, 1, "a")).change, "unchanged");
  assert.equal(book.etag, etag);
  await book.delete(hot, "a");
  assert.deepEqual(inForce(), []);
  await assert.rejects(book.rollback(hot, 2, "a"), { code: "CONFLICT" });
  assert.deepEqual(await book.rollback(hot, undefined, "a"), {
    name: "hot",
    version: 3,
    change: "created",
    rolledBackTo: 1,
  });
  assert.deepEqual(inForce(), ["hot@3"]);
});

test("what is to be the whole set deletes what it does not name, in the same step", async () => {
  const { book, inForce } = bench();
  await book.apply(rules({}, { name: "cold" }), "a");
  const { changes } = await book.apply(rules({}, { name: "warm" }), "b", { replacesAll: true });
  assert.deepEqual(changes, [
    { name: "hot", version: 1, change: "unchanged" },
    { name: "warm", version: 1, change: "created" },
    { name: "cold", version: 2, change: "deleted" },
  ]);
  assert.deepEqual(inForce(), ["hot@1", "warm@1"]);
});

test("applying the same file again changes nothing and leaves the tag; every change gives another", async () => {
  const { book } = bench();
  const tags = new Set([book.etag]);
  await book.apply(rules({}), "a");
  const applied = book.etag;
  const again = await book.apply(rules({}), "b");
  assert.deepEqual(again.changes, [{ name: "hot", version: 1, change: "unchanged" }]);
  assert.equal(book.etag, applied);
  tags.add(applied);
  await book.apply(rules({ priority: 9 }), "a");
  tags.add(book.etag);
  await book.rollback(hot, 1, "a");
  tags.add(book.etag);
  await book.delete(hot, "a");
  tags.add(book.etag);
  assert.equal(tags.size, 5);
});

test("a change that depends on a tag is made only if the rules are as its caller has seen them", async () => {
  const { book } = bench();
  const failed = { code: "PRECONDITION_FAILED" };
  const empty = book.etag;
  await book.apply(rules({}), "a", { ifMatch: empty, ifNoneMatch: "*" });
  const { etag } = book;
  await assert.rejects(book.apply(rules({ priority: 1 }), "b", { ifMatch: empty }), failed);
  await assert.rejects(book.apply(rules({ priority: 1 }), "b", { ifNoneMatch: "*" }), failed);
  await assert.rejects(book.apply(rules({ priority: 1 }), "b", { ifNoneMatch: etag }), failed);
  await assert.rejects(book.delete(hot, "b", { ifMatch: empty }), failed);
  await assert.rejects(book.rollback(hot, 1, "b", { ifMatch: empty }), failed);
  assert.equal(book.etag, etag);
  await book.apply(rules({ priority: 1 }), "b", { ifMatch: `"other", ${etag}` });
  await book.apply(rules({ priority: 2 }), "b", { ifMatch: "*", ifNoneMatch: etag });
  assert.equal(book.get(hot)?.version, 3);
});

test("of two who change the same rules at once by the same tag only one does", async () => {
  const { book } = bench();
  const ifMatch = book.etag;
  const [one, other] = await Promise.allSettled([
    book.apply(rules({ priority: 1 }), "a", { ifMatch }),
    book.apply(rules({ priority: 2 }), "b", { ifMatch }),
  ]);
  assert.equal(one.status, "fulfilled");
  assert.equal(other.status, "rejected");
  assert.equal(book.get(hot)?.plan.priority, 1);
});
