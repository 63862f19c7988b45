import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRuleFile } from "@myelin/core/rules";
import { demoRules } from "./rules.ts";

test("the demo's rules are valid and tell workers what their supervisor can do", () => {
  const { rules, problems } = parseRuleFile(demoRules, { fileName: "rules.yaml" });
  assert.deepEqual(problems, []);
  assert.deepEqual(
    rules.map(({ name, action }) => [name, action]),
    [
      ["spin-throttle", "throttle"],
      ["spin-restart", "restart"],
      ["leak-restart", "restart"],
      ["block-kill", "kill"],
    ],
  );
});
