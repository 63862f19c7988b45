import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseRuleFile } from "@myelin/core/rules";
import { runFiles, textOfResult } from "../rule-tests/index.ts";
import { packs } from "./index.ts";

suite("the packs", () => {
  for (const { name, rules } of packs) {
    test(`${name} is valid, without a doubt, and its rules bear its name`, () => {
      const parsed = parseRuleFile(rules());
      assert.deepEqual(parsed.problems, []);
      for (const rule of parsed.rules) assert.ok(rule.name.startsWith(`${name}-`), rule.name);
    });

    test(`${name} does what its tests say, of each of its rules`, async () => {
      const file = fileURLToPath(new URL(`./${name}.test.yaml`, import.meta.url));
      const result = await runFiles([file], { only: undefined, clockMs: () => 0 });
      assert.deepEqual([result.isWrong, result.failed], [false, 0], textOfResult(result));
      const tested = packs.find((pack) => pack.name === name)?.tests() ?? "";
      for (const rule of parseRuleFile(rules()).rules)
        assert.ok(tested.includes(`rule: ${rule.name}`), rule.name);
    });
  }
});
