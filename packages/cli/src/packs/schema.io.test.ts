/** The schemas that editors read, against the files that come with the command: by a validator of just what they use. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isJsonObject, type JsonObject, type JsonValue } from "@myelin/core/json";
import { ruleFileSchema } from "@myelin/core/rules";
import { ruleTestsSchema } from "@myelin/core/rule-tests";
import { parse } from "yaml";
import { packs } from "./index.ts";

const understood: ReadonlySet<string> = new Set([
  ..."$schema $defs $ref title description type enum const anyOf pattern minLength maxLength".split(
    " ",
  ),
  ..."minimum maximum items minItems maxItems required properties additionalProperties".split(" "),
]);

function typeOf(value: JsonValue): readonly string[] {
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["array"];
  return Number.isInteger(value) ? ["integer", "number"] : [typeof value];
}

/** Where a value does not fit a schema. */
function faultsOf(root: JsonObject, schema: JsonObject, value: JsonValue, at = ""): string[] {
  const unknown = Object.keys(schema).filter((key) => !understood.has(key));
  assert.deepEqual(unknown, []);
  const { $ref, type, pattern, anyOf, items, additionalProperties: further } = schema;
  if (typeof $ref === "string") {
    const name = $ref.replace("#/$defs/", "");
    return faultsOf(root, objectOf(objectOf(root["$defs"])[name]), value, at);
  }
  if (Array.isArray(anyOf))
    return anyOf.some((each) => faultsOf(root, objectOf(each), value, at).length === 0) ? [] : [at];
  const types = textsOf(type ?? typeOf(value)[0]);
  const isWrong =
    !types.some((each) => typeOf(value).includes(each)) ||
    (Array.isArray(schema["enum"]) && !schema["enum"].includes(value)) ||
    (schema["const"] !== undefined && schema["const"] !== value) ||
    (typeof pattern === "string" &&
      !new RegExp(pattern, "u").test(typeof value === "string" ? value : "")) ||
    Number(value) < Number(schema["minimum"] ?? -Infinity) ||
    Number(value) > Number(schema["maximum"] ?? Infinity);
  if (isWrong) return [at];
  if (Array.isArray(value)) {
    const few = value.length < Number(schema["minItems"] ?? 0) ? [at] : [];
    if (items === undefined) return few;
    const inner = value.flatMap((each, index) =>
      faultsOf(root, objectOf(items), each, `${at}/${index}`),
    );
    return [...few, ...inner];
  }
  if (!isJsonObject(value)) return [];
  const missing = textsOf(schema["required"]).filter((key) => !Object.hasOwn(value, key));
  const properties = objectOf(schema["properties"] ?? {});
  return [
    ...missing.map((key) => `${at}/${key}`),
    ...Object.entries(value).flatMap(([key, each]) => {
      const own = Object.hasOwn(properties, key) ? properties[key] : further;
      if (own === undefined || own === true) return [];
      return own === false ? [`${at}/${key}`] : faultsOf(root, objectOf(own), each, `${at}/${key}`);
    }),
  ];
}

/** A text, or a list of them. */
function textsOf(value: JsonValue | undefined): readonly string[] {
  const all = Array.isArray(value) ? value : [value];
  return all.filter((each) => typeof each === "string");
}

function objectOf(value: JsonValue | undefined): JsonObject {
  assert.ok(isJsonObject(value));
  return value;
}

const read = (text: string): JsonValue => parse(text) as JsonValue;
const [rules, tests] = [ruleFileSchema(), ruleTestsSchema()];

describe("the schemas for editors", () => {
  for (const pack of packs)
    test(`take the pack ${pack.name} and its tests`, () => {
      assert.deepEqual(faultsOf(rules, rules, read(pack.rules())), []);
      assert.deepEqual(faultsOf(tests, tests, read(pack.tests())), []);
    });

  test("refuse what the reader of tests refuses", () => {
    const file = `
      rules: [{ name: r, expr: m > 1, action: stop, prority: 1 }]
      interval: 1
      tests:
        - agents: [{ id: a, series: { m: 0x3, n: { value: 1 } }, joins: [0s, 5] }]
          events: [{ at: 1s, type: call, times: 0 }]
          changes:
            - { at: 1s, restart: true, down: 3s }
            - { at: 2s, rules: { r: null, s: { for: null, expr: m > 1 } } }
            - { at: 3s, restart: "yes", rules: { r: { fro: 1s, for: 1 } } }
          outcomes: [{ status: done }]
          expect:
            - { at: 3s, rule: r, states: { a: fires } }
            - { rule: r, instructions: [{ attempt: 11 }, { agnt: a }] }`;
    assert.deepEqual(faultsOf(tests, tests, read(file)), [
      "/rules/0/prority",
      "/interval",
      "/tests/0/name",
      "/tests/0/agents/0/series/n",
      "/tests/0/agents/0/joins",
      "/tests/0/events/0/times",
      "/tests/0/changes/2/restart",
      "/tests/0/changes/2/rules/r/fro",
      "/tests/0/changes/2/rules/r/for",
      "/tests/0/outcomes/0/status",
      "/tests/0/expect/0/states",
      "/tests/0/expect/1/at",
      "/tests/0/expect/1/instructions/0/attempt",
      "/tests/0/expect/1/instructions/1/agnt",
    ]);
  });
});
