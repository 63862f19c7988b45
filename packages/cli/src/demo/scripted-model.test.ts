import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedModel } from "./scripted-model.ts";

test("the scripted model asks for other things each time, then for one thing over and over, until it is interrupted", () => {
  const model = new ScriptedModel(1000);
  const asked = (elapsedMs: number): string => {
    const { tool, args } = model.next(elapsedMs, 400);
    return `${tool} ${JSON.stringify(args)}`;
  };
  const before = Array.from({ length: 10 }, () => asked(999));
  assert.equal(new Set(before).size, 10);
  const looping = Array.from({ length: 10 }, () => asked(1000));
  assert.deepEqual(new Set(looping), new Set(['search {"text":"the answer"}']));
  model.interrupt();
  assert.equal(new Set(Array.from({ length: 10 }, () => asked(2000))).size, 10);
});
