import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseRuleFile } from "@myelin/core/rules";

test("the demo's rules are valid", () => {
  const text = readFileSync(new URL("./rules.yaml", import.meta.url), "utf8");
  console.log(parseRuleFile(text));
});
