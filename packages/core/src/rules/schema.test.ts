import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../json/index.ts";
import { planRule, type RuleSource, ruleFileSchema } from "./index.ts";

const objectOf = (value: unknown): JsonObject => value as JsonObject;
const rule = objectOf(objectOf(ruleFileSchema()["$defs"])["rule"]);
const fields = objectOf(rule["properties"]);

/** Problems of a rule with one field, by the planner. */
function isTaken(field: string, value: unknown): boolean {
  const source = { name: "r", expr: "a > 1", action: "stop", [field]: value } as RuleSource;
  return planRule(source).plan !== undefined;
}

/** Whether a value passes the schema of one field, as far as the schemas here go. */
function passes(schema: JsonObject, value: unknown): boolean {
  const { type, pattern, minimum, maximum } = schema;
  if (Array.isArray(schema["enum"])) return schema["enum"].includes(value);
  if (type === "integer")
    return (
      Number.isInteger(value) &&
      Number(value) >= Number(minimum) &&
      Number(value) <= Number(maximum)
    );
  if (type === "object") return typeof value === "object";
  return (
    typeof value === "string" && (typeof pattern !== "string" || new RegExp(pattern).test(value))
  );
}

test("the schema of rule files has what the reader takes, and refuses what it refuses", () => {
  assert.deepEqual(rule["required"], ["name", "expr", "action"]);
  assert.equal(rule["additionalProperties"], false);
  for (const [field, value] of [
    ["for", "1m30s"],
    ["for", "1.5s"],
    ["for", "10"],
    ["for", 10],
    ["cooldown", "5 s"],
    ["priority", 10],
    ["priority", 11],
    ["priority", 1.5],
    ["attempts", 0],
    ["attempts", 10],
    ["limit", "20/1m"],
    ["limit", "20"],
    ["mode", "shadow"],
    ["mode", "on"],
    ["missing", "hold"],
    ["args", { a: 1 }],
    ["args", "a"],
    ["description", "text"],
    ["resolve", 5],
  ] as const)
    assert.equal(
      passes(objectOf(fields[field]), value),
      isTaken(field, value),
      `${field}: ${JSON.stringify(value)}`,
    );
});
