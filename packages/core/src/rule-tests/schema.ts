import { isJsonObject, type JsonObject, type JsonValue } from "../json/index.ts";
import { ruleFileSchema } from "../rules/index.ts";
import { type KeysOf, keysOf } from "./keys.ts";
import { instructionModes, outcomeStatuses, ruleStates } from "./rule-tests.ts";

type Kind = keyof KeysOf;

const text: JsonObject = { type: "string", minLength: 1 };
/** Ids and names may be written as numbers, which are read as they stand. */
const name: JsonObject = { type: ["string", "number"] };
const duration: JsonObject = {
  anyOf: [
    { type: "string", pattern: "^(?:0|(?:[0-9]+(?:\\.[0-9]+)?(?:us|ms|s|m|h|d))+)$" },
    { const: 0 },
  ],
};
const durations: JsonObject = { anyOf: [duration, listOf(duration)] };
const json: JsonObject = { type: "object" };
const seriesText: JsonObject = { type: ["string", "number"] };
const state: JsonObject = { enum: ruleStates };
const labels: JsonObject = { type: "object", additionalProperties: name };
const attributes = {
  type: text,
  tier: { enum: ["device", "edge", "cloud"] },
  labels,
  capabilities: listOf(text),
};
const which = { rule: name, agent: name, action: text, attempt: whole(1, 10) };

/** What each key is to have, by what it is a key of. */
const forms: { readonly [Each in Kind]: { readonly [Key in keyof KeysOf[Each]]: JsonObject } } = {
  file: {
    rule_files: listOf(text),
    rules: { type: ["array", "null"], items: { $ref: "#/$defs/rule" } },
    interval: duration,
    settings: ref("settings"),
    tests: { ...listOf(ref("test")), minItems: 1 },
  },
  settings: { stale_after: duration, window_samples: whole(1, 1_000_000), lateness: duration },
  test: {
    name: text,
    interval: duration,
    agents: { ...listOf(ref("agent")), minItems: 1 },
    events: listOf(ref("event")),
    changes: listOf(ref("change")),
    outcomes: listOf(ref("outcome")),
    expect: { ...listOf(ref("expectation")), minItems: 1 },
  },
  agent: {
    id: name,
    ...attributes,
    twin: json,
    joins: durations,
    leaves: durations,
    series: { type: "object", additionalProperties: { anyOf: [seriesText, ref("series")] } },
  },
  series: { values: seriesText, interval: duration, start: duration, delay: duration },
  event: {
    at: duration,
    agent: name,
    type: text,
    attrs: json,
    times: { type: "integer", minimum: 1 },
    every: duration,
  },
  change: {
    ...{ at: duration, agent: name, twin: json, ...attributes },
    rules: { type: "object", additionalProperties: { $ref: "#/$defs/ruleChange" } },
    restart: { const: true },
    down: duration,
  },
  outcome: { ...which, status: { enum: outcomeStatuses }, after: duration },
  expectation: {
    at: duration,
    rule: name,
    agent: name,
    states: { anyOf: [state, { type: "object", additionalProperties: state }] },
    instructions: listOf(ref("instruction")),
  },
  instruction: { ...which, args: json, at: duration, mode: { enum: instructionModes } },
};

const required: { readonly [Each in Kind]?: readonly string[] } = {
  file: ["tests"],
  test: ["name", "agents", "expect"],
  agent: ["id"],
  series: ["values"],
  event: ["at", "type"],
  change: ["at"],
  outcome: ["status"],
  expectation: ["at"],
};

/** The JSON Schema of files of tests, for editors. What it lets pass may still be refused: it reads no series, and knows no names. */
export function ruleTestsSchema(): JsonObject {
  const { $schema, $defs: ofRules } = ruleFileSchema();
  const kinds = Object.keys(keysOf) as Kind[];
  const { file, ...$defs } = Object.fromEntries(kinds.map((kind) => [kind, schemaOf(kind)]));
  return {
    ...{ $schema: $schema ?? "", title: "Tests of rules of Myelin" },
    ...file,
    $defs: { ...$defs, ...(ofRules as JsonObject), ruleChange: ruleChangeSchema(ofRules) },
  };
}

/** A rule with any of its fields, each of which may be null; or null. */
function ruleChangeSchema(ofRules: JsonValue | undefined): JsonObject {
  const rule = isJsonObject(ofRules) ? ofRules["rule"] : undefined;
  const fields = isJsonObject(rule) ? rule["properties"] : undefined;
  const properties = Object.entries(isJsonObject(fields) ? fields : {})
    .filter(([field]) => field !== "name")
    .map(([field, form]) => [field, { anyOf: [form, { type: "null" }] }]);
  return {
    ...{ type: ["object", "null"], additionalProperties: false },
    properties: Object.fromEntries(properties),
  };
}

function schemaOf(kind: Kind): JsonObject {
  const briefs: Readonly<Record<string, string>> = keysOf[kind];
  const properties = Object.entries<JsonObject>(forms[kind]).map(
    ([key, form]) => [key, { description: briefs[key] ?? "", ...form }] as const,
  );
  return {
    type: "object",
    required: required[kind] ?? [],
    additionalProperties: false,
    properties: Object.fromEntries(properties),
  };
}

function ref(kind: Kind): JsonObject {
  return { $ref: `#/$defs/${kind}` };
}

function listOf(items: JsonObject): JsonObject {
  return { type: "array", items };
}

function whole(minimum: number, maximum: number): JsonObject {
  return { type: "integer", minimum, maximum };
}
