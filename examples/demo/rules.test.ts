import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseRuleFile } from "@myelin/core/rules";

test("the demo's rules are valid and tell workers what their supervisor can do", () => {
  const text = readFileSync(new URL("./rules.yaml", import.meta.url), "utf8");
  const { rules, problems } = parseRuleFile(text, { fileName: "rules.yaml" });
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
