import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatProblem, parseRuleFile, type RuleSource } from "./index.ts";

/** What is said of a file of rules written as a program does, as `rule: message`. */
function shadowsOf(...rules: readonly Partial<RuleSource>[]): readonly string[] {
  const text = JSON.stringify({ rules });
  const result = parseRuleFile(text);
  assert.equal(result.rules.length, rules.length, JSON.stringify(result.problems));
  return result.problems
    .filter(({ field }) => field === "name")
    .map(({ rule, message }) => `${rule}: ${message}`);
}

const wide = { name: "wide", expr: "cpu > 0.9", action: "restart" };
const narrow = { name: "narrow", expr: "cpu > 0.95", action: "restart" };
const repeats =
  "narrow: whenever this rule fires, rule wide fires or is firing already, with the same instruction";

/** Holds that the narrow rule is warned of, or is not, with these fields of both. */
function hold(
  isShadowed: boolean,
  ofWide: Partial<RuleSource>,
  ofNarrow: Partial<RuleSource>,
): void {
  const told = shadowsOf({ ...wide, ...ofWide }, { ...narrow, ...ofNarrow });
  const message = JSON.stringify([ofWide, ofNarrow]);
  const ofTheNarrow = told.filter((text) => text.startsWith("narrow"));
  assert.deepEqual(ofTheNarrow, isShadowed ? [repeats] : [], message);
}

describe("a rule that only repeats another one's instruction is told", () => {
  test("by its condition: the other's holds wherever it does, and is evaluated whenever it is", () => {
    hold(true, {}, {});
    hold(true, {}, { expr: "cpu > 0.9", for: "1s" });
    hold(true, { expr: "cpu > 0.9 || mem > 1" }, { expr: "cpu > 0.95 && mem > 1" });
    hold(false, {}, { expr: "cpu > 0.8" });
    hold(false, {}, { expr: "mem > 0.95" });
    // What comes of mem evaluates the narrow rule alone, as behind an update: cpu may be known since before.
    hold(false, {}, { expr: "cpu > 0.95 && mem > 1" });
    const average = 'avg_over_time(cpu, "10s")';
    hold(true, { expr: `${average} > 1` }, { expr: `${average} > 2` });
    hold(false, { expr: `${average} > 1` }, { expr: `${average} > 2 && mem > 1` });
    // A timer evaluates one rule.
    hold(false, { expr: "age(cpu) > 5" }, { expr: "age(cpu) > 9" });
    hold(false, {}, { expr: "cpu > 0.95 && cpu < 0.5" });
  });

  test("unless they read events, each of which is an episode", () => {
    hold(
      false,
      { expr: 'event.type == "a" && event.attrs.n > 1' },
      { expr: 'event.type == "a" && event.attrs.n > 2' },
    );
  });

  test("by for: the other's is not longer", () => {
    hold(true, { for: "1s" }, { for: "1s" });
    hold(true, { for: "1s" }, { for: "2s" });
    hold(false, { for: "2s" }, { for: "1s" });
  });

  test("by where: the other's is the same or for all", () => {
    const where = 'agent.type == "worker"';
    hold(true, {}, { where });
    hold(true, { where }, { where });
    hold(false, { where }, {});
    hold(false, { where }, { where: 'agent.tier == "edge"' });
  });

  test("by cooldown and limit: the other has none, and is never kept from firing by them", () => {
    hold(true, {}, { cooldown: "1m" });
    hold(false, { cooldown: "1s" }, {});
    hold(false, { cooldown: "1s" }, { cooldown: "1m" });
    hold(true, {}, { limit: "2/1m" });
    hold(false, { limit: "20/1m" }, { limit: "2/1m" });
  });

  test("by resolve and keep_firing_for: the other's episodes are not the longer by them, in which this one would act again", () => {
    const resolve = "cpu < 0.5";
    hold(true, {}, { resolve });
    hold(true, { resolve }, { resolve });
    hold(false, { resolve }, {});
    hold(false, { resolve }, { resolve: "cpu < 0.7" });
    hold(true, {}, { keep_firing_for: "5s" });
    hold(true, { keep_firing_for: "5s" }, { keep_firing_for: "5s" });
    hold(false, { keep_firing_for: "5s" }, {});
  });

  test("by missing: the other is pending no less over what is unknown", () => {
    hold(true, { for: "1s", missing: "hold" }, { for: "1s" });
    hold(false, { for: "1s" }, { for: "1s", missing: "hold" });
    hold(true, { for: "1s", missing: "hold" }, { for: "1s", missing: "hold" });
    hold(true, {}, { for: "1s", missing: "hold" });
    const resolve = "cpu < 0.5";
    hold(false, { for: "1s", missing: "hold", resolve }, { for: "1s", missing: "hold", resolve });
  });

  test("by unless: the other has none, or the same", () => {
    const third = { name: "third", expr: "mem > 1", action: "restart" };
    const told = (ofWide: Partial<RuleSource>, ofNarrow: Partial<RuleSource>): unknown =>
      shadowsOf({ ...wide, ...ofWide }, { ...narrow, ...ofNarrow }, third);
    assert.deepEqual(told({}, { unless: "third" }), [repeats]);
    assert.deepEqual(told({ unless: "third" }, { unless: "third" }), [repeats]);
    assert.deepEqual(told({ unless: "third" }, {}), []);
    assert.deepEqual(told({}, { unless: "wide" }), [repeats]);
  });

  test("by mode: both are enforced, or both in shadow", () => {
    hold(true, { mode: "shadow" }, { mode: "shadow" });
    for (const mode of ["shadow", "off"] as const) {
      hold(false, { mode }, {});
      hold(false, {}, { mode });
    }
    hold(false, { mode: "off" }, { mode: "off" });
  });

  test("by the instruction: it is the same, at other instants too, and there is one in an episode", () => {
    hold(true, { args: { why: "hot" } }, { args: { why: "hot" } });
    hold(false, { args: { why: "hot" } }, {});
    hold(false, { args: { why: "${cpu}" } }, { args: { why: "${cpu}" } });
    hold(false, {}, { action: "kill" });
    hold(false, {}, { priority: 9 });
    hold(false, {}, { deadline: "1m" });
    hold(false, {}, { timeout: "5m" });
    hold(false, {}, { sla: "1s" });
    hold(false, {}, { attempts: 2 });
    hold(true, { attempts: 2 }, {});
  });
});

describe("a rule that is another one but for its name is told", () => {
  test("whatever else it has, the later of two", () => {
    for (const more of [
      {},
      { cooldown: "1m", attempts: 3, limit: "2/1m" },
      { expr: 'event.type == "a"' },
      { expr: 'absent(cpu, "5s")' },
      { args: { why: "${cpu}" }, mode: "shadow" },
    ] as const) {
      const told = shadowsOf({ ...wide, ...more }, { ...wide, ...more, name: "again" });
      assert.deepEqual(told, ["again: rule wide is the same but for its name"]);
    }
    const cooldown = "1m";
    assert.deepEqual(shadowsOf({ ...wide, cooldown }, { ...wide, cooldown: "2m", name: "b" }), []);
  });

  test("where its name stands in the file, and of three both that are not the first", () => {
    const rules = ["a", "b", "c"].map((name) => `  - { expr: m > 1, name: ${name}, action: x }\n`);
    const { problems } = parseRuleFile(`rules:\n${rules.join("")}`);
    const mend = "name: rule a is the same but for its name: leave one of them out";
    assert.deepEqual(
      problems.map((problem) => formatProblem(problem)),
      [`3:26: warning: rule b: ${mend}`, `4:26: warning: rule c: ${mend}`],
    );
  });
});
