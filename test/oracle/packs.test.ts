// What the tests of the packs expect of the engine, looked for in the reference interpreter.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { mayTryAgain } from "@myelin/core/instruction";
import { isJsonObject, type JsonObject, type JsonValue } from "@myelin/core/json";
import { type AgentAttributes, parseRuleFile } from "@myelin/core/rules";
import { type Expectation, parseRuleTests, type RuleTest } from "@myelin/core/rule-tests";
import type { Input } from "./history.ts";
import { Oracle } from "./oracle.ts";

const originUs = 1_767_225_600_000_000;
const packs = new URL("../../packages/cli/src/packs/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, packs), "utf8");

/** The oracle, told what a test says happens; instructions end at once. */
class Told {
  readonly oracle = new Oracle();
  readonly #test: RuleTest;
  #ended = 0;

  constructor(rules: string, told: RuleTest) {
    this.#test = told;
    const sources = parseRuleFile(rules).rules.map(({ source }) => source);
    this.tell({ kind: "rules", rules: sources, nowUs: originUs });
  }

  get firings() {
    return this.oracle.happenings.filter((each) => each.kind === "fires");
  }

  tell(input: Input): void {
    this.oracle.tell(input);
    for (; this.#ended < this.firings.length; this.#ended += 1) {
      const firing = this.firings[this.#ended];
      assert.ok(firing !== undefined);
      const { rule, agent, sinceUs, attempt } = firing;
      const outcome = this.#test.outcomes.find((each) => (each.rule ?? rule) === rule);
      assert.equal(outcome?.afterUs ?? 0, 0);
      const succeeded = !mayTryAgain(outcome?.status ?? "executed");
      const ended = { rule, agent, sinceUs, attempt, succeeded, nowUs: input.nowUs };
      this.oracle.tell({ kind: "ended", ...ended });
    }
  }
}

type Timed = readonly [atUs: number, rank: number, inputs: () => readonly Input[]];

/** All that happens, and all that is looked at, by instant: changes, samples, events, expectations. */
function timelineOf(told: RuleTest, look: (expectation: Expectation) => void): Timed[] {
  const timeline: Timed[] = [];
  const part = "app";
  for (const { attributes, twin, series } of told.agents) {
    const agent = attributes.id;
    const instants = new Set(
      series.flatMap(({ values, startUs, intervalUs }) =>
        values.map((_, index) => startUs + index * intervalUs),
      ),
    );
    timeline.push([0, 0, () => joined(attributes, twin)]);
    for (const timeUs of instants) {
      const atUs = originUs + timeUs;
      const samples = series.flatMap(({ metric, values, startUs, intervalUs }) => {
        const value = values[(timeUs - startUs) / intervalUs];
        return value === undefined ? [] : [{ metric, value, atUs }];
      });
      if (samples.length > 0)
        timeline.push([timeUs, 2, () => [{ kind: "frame", agent, part, samples, nowUs: atUs }]]);
    }
  }
  const twins = new Map(told.agents.map(({ attributes, twin }) => [attributes.id, twin]));
  for (const { agent, atUs, twin: patch = {} } of told.changes) {
    const [at, twin] = [originUs + atUs, merged(twins.get(agent) ?? {}, patch)];
    timeline.push([atUs, 1, () => [{ kind: "twin", agent, twin, atUs: at, nowUs: at }]]);
  }
  for (const { agent, atUs: firstUs, type, attrs, times, everyUs } of told.events)
    for (let number = 0; number < times; number += 1) {
      const atUs = originUs + firstUs + number * everyUs;
      const event = { agent, part, type, attrs, atUs, nowUs: atUs };
      timeline.push([atUs - originUs, 3, () => [{ kind: "event", ...event }]]);
    }
  for (const expectation of told.expectations) {
    const { atUs } = expectation;
    timeline.push([atUs, 4, () => [{ kind: "clock", nowUs: originUs + atUs }]]);
    const looked = (): readonly Input[] => {
      look(expectation);
      return [];
    };
    timeline.push([atUs, 5, looked]);
  }
  return timeline.toSorted(([a, rankA], [b, rankB]) => a - b || rankA - rankB);
}

function joined(attributes: AgentAttributes, twin: JsonObject): readonly Input[] {
  const agent = attributes.id;
  return [
    { kind: "join", attributes, nowUs: originUs },
    { kind: "twin", agent, twin, atUs: originUs, nowUs: originUs },
  ];
}

function merged(target: JsonObject, patch: JsonObject): JsonObject {
  const result: Record<string, JsonValue> = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    const present = result[key];
    result[key] = isJsonObject(value) && isJsonObject(present) ? merged(present, value) : value;
  }
  return result;
}

function compare(oracle: Told, { atUs, rule, states, instructions }: Expectation): void {
  for (const expected of states) {
    const state = new Map(oracle.oracle.states(expected.agent)).get(expected.rule);
    assert.equal(state, expected.state, `${expected.agent} at ${atUs} us`);
  }
  if (instructions === undefined) return;
  const given = oracle.firings.filter((firing) => (rule ?? firing.rule) === firing.rule);
  assert.equal(given.length, instructions.length, `instructions at ${atUs} us`);
  for (const item of instructions) {
    // An event at the instant of a sample is evaluated a microsecond later.
    const found = given.some(
      (firing) =>
        (item.rule ?? firing.rule) === firing.rule &&
        (item.agent ?? firing.agent) === firing.agent &&
        (item.attempt ?? firing.attempt) === firing.attempt &&
        Math.floor((item.atUs ?? 0) / 1000) ===
          (item.atUs === undefined ? 0 : Math.floor((firing.atUs - originUs) / 1000)),
    );
    assert.ok(found, JSON.stringify(item));
  }
}

for (const pack of ["process", "llm"]) {
  suite(`what the tests of the pack ${pack} expect, the reference interpreter says`, () => {
    const { tests } = parseRuleTests(read(`${pack}.test.yaml`));
    assert.ok(tests !== undefined && tests.tests.length > 4);
    for (const told of tests.tests)
      test(told.name, () => {
        const oracle = new Told(read(`${pack}.yaml`), told);
        const timeline = timelineOf(told, (expectation) => compare(oracle, expectation));
        for (const [, , inputs] of timeline) for (const input of inputs()) oracle.tell(input);
      });
  });
}
