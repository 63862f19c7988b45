import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { parseRuleName } from "@myelin/core/ids";
import type { RuleProblem } from "@myelin/core/rules";
import {
  createMemoryStore,
  type MemoryDisk,
  type MemoryStore,
} from "../adapters/memory-store/index.ts";
import { RuleBook, type RuleEntry } from "./index.ts";

const startUs = 1_790_000_000_000_000;
const hot = parseRuleName("hot");

interface Bench {
  readonly clock: VirtualClock;
  readonly store: MemoryStore;
  readonly book: RuleBook;
  /** Every set that was put in force: name@version.meaning. */
  readonly enforced: string[][];
}

function bench(disk?: MemoryDisk, maxRules = 100): Bench {
  const clock = new VirtualClock(startUs);
  const store = createMemoryStore({ clock, ...(disk === undefined ? {} : { disk }) });
  const enforced: string[][] = [];
  const book = new RuleBook({
    clock,
    store,
    maxRules,
    knowsMetric: (name) => name === "cpu_usage",
    prepare: function* (rules) {
      yield;
      return () => enforced.push(rules.map(nameOf));
    },
  });
  return { clock, store, book, enforced };
}

function nameOf({ plan, version, meaningVersion }: RuleEntry): string {
  return `${plan.name}@${version}.${meaningVersion}`;
}

function rule(name: string, fields = "", expr = "cpu_usage > 0.9"): string {
  return `  - name: ${name}\n    expr: ${expr}\n    action: restart\n${fields === "" ? "" : `    ${fields}\n`}`;
}

function file(...rules: readonly string[]): string {
  return `rules:\n${rules.join("")}`;
}

test("a file's rules come into force when they are on disk, together", async () => {
  const { book, enforced, store } = bench();
  const { changes, warnings } = await book.apply(
    file(rule("hot"), rule("cold", "", "cpu_usage < 0.1")),
    "local",
  );
  assert.deepEqual(changes, [
    { name: "hot", version: 1, change: "created" },
    { name: "cold", version: 1, change: "created" },
  ]);
  assert.deepEqual(warnings, []);
  assert.deepEqual(enforced, [["cold@1.1", "hot@1.1"]]);
  assert.equal(store.disk.rules.get("hot")?.[0]?.actor, "local");
});

test("a set that is prepared while the disk is at work is not in force before it is on disk", async () => {
  const { book, enforced, clock, store } = bench();
  store.disk.syncDelayUs = 1000;
  const applied = book.apply(file(rule("hot")), "local");
  await clock.run(900);
  assert.deepEqual(enforced, []);
  assert.equal(book.get(hot), undefined);
  await clock.run(200);
  const { inForceAtUs } = await applied;
  assert.deepEqual(enforced, [["hot@1.1"]]);
  assert.equal(inForceAtUs, startUs + 1000, "the time of that is told");
});

test("what a file does not name stays", async () => {
  const { book, enforced } = bench();
  await book.apply(file(rule("hot")), "local");
  await book.apply(file(rule("cold")), "local");
  assert.deepEqual(enforced.at(-1), ["cold@1.1", "hot@1.1"]);
});

test("a change of the meaning counts the meaning on, a change of anything else does not", async () => {
  const { book } = bench();
  await book.apply(file(rule("hot")), "a");
  await book.apply(file(rule("hot", "priority: 9")), "b");
  assert.equal(nameOf(book.get(hot) as RuleEntry), "hot@2.1");
  await book.apply(file(rule("hot", "for: 5s")), "c");
  assert.equal(nameOf(book.get(hot) as RuleEntry), "hot@3.2");
  await book.apply(file(rule("hot", "for: 5s", "cpu_usage>0.9")), "d");
  assert.equal(nameOf(book.get(hot) as RuleEntry), "hot@4.2", "compared as parsed");
  const versions = await book.versions(hot);
  assert.deepEqual(
    versions.map(({ version, meaningVersion, actor }) => [version, meaningVersion, actor]),
    [
      [1, 1, "a"],
      [2, 1, "b"],
      [3, 2, "c"],
      [4, 2, "d"],
    ],
  );
});

test("a rule that is applied unchanged, whatever the order of its fields, makes no version", async () => {
  const { book, enforced, store } = bench();
  await book.apply(file(rule("hot", "priority: 9")), "local");
  const { changes, inForceAtUs } = await book.apply(
    "rules: [{ priority: 9, action: restart, expr: cpu_usage > 0.9, name: hot }]",
    "local",
  );
  assert.equal(inForceAtUs, undefined);
  assert.deepEqual(changes, [{ name: "hot", version: 1, change: "unchanged" }]);
  assert.equal(enforced.length, 1);
  assert.equal(store.disk.rules.get("hot")?.length, 1);
});

test("nothing of a file with an error is applied, and the error says where and how to mend it", async () => {
  const { book, enforced, store } = bench();
  const broken = file(
    rule("good"),
    rule("bad", "", "avg_overtime(cpu_usage) > 1"),
    rule("worse", "mode: maybe"),
  );
  const error = await book.apply(broken, "local").then(
    () => undefined,
    (thrown: unknown) => MyelinError.from(thrown),
  );
  assert.equal(error?.code, "RULE_INVALID");
  assert.match(error?.message ?? "", /^rule bad, line 6, column 11: .*\(and 1 more\)$/);
  const problems = error?.details["problems"] as unknown as RuleProblem[];
  assert.deepEqual(
    problems.map(({ rule: name, line }) => [name, line]),
    [
      ["bad", 6],
      ["worse", 11],
    ],
  );
  assert.deepEqual(enforced, []);
  assert.equal(store.disk.rules.size, 0);
});

test("a full disk leaves the old version in force, and the next try counts on from it", async () => {
  const { book, enforced, store } = bench();
  await book.apply(file(rule("hot")), "local");
  store.disk.isFull = true;
  await assert.rejects(book.apply(file(rule("hot", "priority: 9"), rule("cold")), "local"), {
    code: "STORAGE_FULL",
  });
  await assert.rejects(book.delete(hot, "local"), { code: "STORAGE_FULL" });
  assert.deepEqual(book.list().map(nameOf), ["hot@1.1"]);
  assert.equal(enforced.length, 1);
  store.disk.isFull = false;
  await book.apply(file(rule("hot", "priority: 9")), "local");
  assert.deepEqual(book.list().map(nameOf), ["hot@2.1"]);
});

test("deleting a rule is a version; created anew it counts on, with a new meaning", async () => {
  const { book, enforced } = bench();
  await book.apply(file(rule("hot"), rule("cold")), "local");
  assert.deepEqual(await book.delete(hot, "ops"), { name: "hot", version: 2, change: "deleted" });
  assert.deepEqual(enforced.at(-1), ["cold@1.1"]);
  await assert.rejects(book.delete(hot, "ops"), { code: "NOT_FOUND" });
  const { changes } = await book.apply(file(rule("hot")), "local");
  assert.deepEqual(changes, [{ name: "hot", version: 3, change: "created" }]);
  assert.equal(nameOf(book.get(hot) as RuleEntry), "hot@3.2");
  assert.deepEqual(
    (await book.versions(hot)).map(({ isDeleted }) => isDeleted),
    [false, true, false],
  );
});

test("a restarted node has the rules that were in force, with their versions", async () => {
  const before = bench();
  await before.book.apply(file(rule("hot"), rule("gone")), "local");
  await before.book.apply(file(rule("hot", "for: 5s")), "local");
  await before.book.delete(parseRuleName("gone"), "local");
  const after = bench(before.store.disk);
  const { rules } = await after.store.load();
  assert.deepEqual(after.book.restore(rules), []);
  assert.deepEqual(after.enforced, [["hot@2.2"]]);
  await after.book.apply(file(rule("hot", "for: 6s"), rule("gone")), "local");
  assert.deepEqual(after.book.list().map(nameOf), ["gone@3.2", "hot@3.3"]);
});

test("a kept rule that this version cannot read is named and not in force; the others are", async () => {
  const before = bench();
  await before.book.apply(file(rule("hot"), rule("cold")), "local");
  const after = bench(before.store.disk);
  const { rules } = await after.store.load();
  const problems = after.book.restore(
    rules.map((record) =>
      record.name === "hot"
        ? { ...record, source: { ...record.source, expr: "from_the_future(" } }
        : record,
    ),
  );
  assert.equal(problems[0]?.rule, "hot");
  assert.deepEqual(after.book.list().map(nameOf), ["cold@1.1"]);
  await after.book.apply(file(rule("hot")), "local");
  assert.deepEqual(after.book.list().map(nameOf), ["cold@1.1", "hot@2.2"]);
});

test("applications at once happen one after another, and one that fails does not stop the next", async () => {
  const { book, clock, store, enforced } = bench();
  store.disk.syncDelayUs = 1000;
  const [first, second, gone, third] = [
    book.apply(file(rule("hot", "priority: 1")), "a"),
    book.apply(file(rule("hot", "priority: 2")), "b"),
    assert.rejects(book.delete(parseRuleName("never"), "c"), { code: "NOT_FOUND" }),
    book.apply(file(rule("hot", "priority: 3")), "d"),
  ];
  await clock.run(10_000);
  await Promise.all([first, second, gone, third]);
  assert.deepEqual(enforced, [["hot@1.1"], ["hot@2.1"], ["hot@3.1"]]);
  assert.equal(book.get(hot)?.plan.priority, 3);
});

test("beyond the bound of rules an application is refused whole; changes of those in force are not", async () => {
  const { book } = bench(undefined, 2);
  await book.apply(file(rule("hot")), "local");
  await assert.rejects(book.apply(file(rule("cold"), rule("warm")), "local"), {
    code: "RESOURCE_EXHAUSTED",
  });
  assert.deepEqual(book.list().map(nameOf), ["hot@1.1"]);
  await book.apply(file(rule("cold"), rule("hot", "priority: 2")), "local");
  assert.deepEqual(book.list().map(nameOf), ["cold@1.1", "hot@2.1"]);
});

test("unless naming a rule that is not there, and a metric never reported, are warnings with their place", async () => {
  const { book } = bench();
  const { warnings, changes } = await book.apply(
    file(rule("hot", "unless: maintenance"), rule("odd", "", "cpu_usage > 0.5 && cpu > 1")),
    "local",
  );
  assert.equal(changes.length, 2);
  assert.deepEqual(
    warnings.map(({ severity, rule: name, field, line, column, message }) => ({
      severity,
      name,
      field,
      line,
      column,
      message,
    })),
    [
      {
        severity: "warning",
        name: "hot",
        field: "unless",
        line: 5,
        column: 13,
        message: "there is no rule maintenance",
      },
      {
        severity: "warning",
        name: "odd",
        field: "expr",
        line: 7,
        column: 30,
        message: "no agent has reported the metric cpu yet",
      },
    ],
  );
});

test("unless may name a rule of the same file, or one in force", async () => {
  const { book } = bench();
  await book.apply(file(rule("in-force")), "local");
  const { warnings } = await book.apply(
    file(rule("hot", "unless: later"), rule("later", "unless: in-force")),
    "local",
  );
  assert.deepEqual(warnings, []);
});

test("a long file that is not compact JSON is refused, and as compact JSON it is applied", async () => {
  const { book } = bench();
  const description = "x".repeat(1_000);
  const rules = Array.from({ length: 30 }, (_, index) => {
    const args = { text: "y".repeat(9_000) };
    return { name: `r${index}`, description, expr: "cpu_usage > 1", action: "act", args };
  });
  await assert.rejects(book.apply(JSON.stringify({ rules }, undefined, 1), "local"), {
    code: "RULE_INVALID",
    message:
      "line 1, column 1: the file is longer than 262144 characters, which is the limit of what is not compact JSON",
  });
  const { changes } = await book.apply(JSON.stringify({ rules }), "local");
  assert.equal(changes.length, 30);
});
