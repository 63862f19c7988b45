import assert from "node:assert/strict";
import { test } from "node:test";
import { encodingNames } from "@myelin/core/wire";
import { Arena } from "./arena.ts";
import { campaign, maxGrowthBytes } from "./campaign.ts";
import { corpus } from "./corpus.ts";
import { inputAt } from "./input.ts";
import { keptInputs } from "./kept.ts";
import { piecesOf } from "./pieces.ts";
import { attackSockets } from "./sockets.ts";

const seed = 1;

test("100,000 hostile frames cost their senders their sessions at most, and memory stays bounded", async () => {
  const { find, counters, growthBytes } = await campaign({ seed, iterations: 100_000 });
  assert.equal(find, undefined, `npm run fuzz -- --seed ${seed} --at ${find?.at}: ${find?.error}`);
  assert.ok(growthBytes <= maxGrowthBytes, `memory grew by ${growthBytes} bytes`);
  for (const count of Object.values(counters)) assert.ok(count > 5000, JSON.stringify(counters));
});

test("some thousand hostile frames over WebSockets and a Unix socket harm nobody else", async () => {
  await attackSockets({ seed, iterations: 4000 });
});

test("what was kept is replayed: it costs its sender its session at most", async () => {
  const kept = keptInputs();
  assert.ok(kept.length > 100, `${kept.length} kept`);
  const arena = await Arena.open();
  for (const [at, input] of kept.entries()) {
    arena.attack(input);
    if (at % 50 === 0) await arena.check();
  }
  await arena.check();
});

test("an input is the same again from its seed and place, and another from another", () => {
  for (let at = 0; at < 300; at++) assert.deepEqual(inputAt(seed, at), inputAt(seed, at));
  const inputs = Array.from({ length: 300 }, (_, at) => inputAt(seed, at).bytes.toString("hex"));
  assert.ok(new Set(inputs).size > 250);
});

test("the corpus is valid in every encoding: no session ends by it", async () => {
  for (const encoding of encodingNames) {
    for (const [made, frame] of corpus) {
      const arena = await Arena.open();
      arena.attack({ encoding, bytes: piecesOf(encoding, frame).bytes, isFirst: false, made });
      assert.equal(arena.counters.survived, 1, `${made} in ${encoding}`);
    }
  }
});
