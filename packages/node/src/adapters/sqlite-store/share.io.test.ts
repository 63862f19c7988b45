import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { RuleRecord } from "../../ports/store.ts";
import { joinSqliteStore, openSqliteStore } from "./index.ts";

function ruleOf(name: string): RuleRecord {
  const source = { name, expr: "x > 1", action: "act" };
  const common = { version: 1, meaningVersion: 1, createdAtUs: 1, actor: "local" };
  return { ...common, name, source, isDeleted: false };
}

test("threads that share a store write to one, each is answered its own, and what is left is written before one leaves", async () => {
  const directory = await mkdtemp(join(tmpdir(), "myelin-store-"));
  try {
    const store = await openSqliteStore({ directory });
    const [one, other] = [joinSqliteStore(store.share()), joinSqliteStore(store.share())];
    assert.throws(() => one.share(), { code: "CONFLICT" });
    const all = [store, one, other];
    await Promise.all(
      all.flatMap((each, at) =>
        Array.from({ length: 50 }, (_, n) => each.saveRules([ruleOf(`r${at}-${n}`)])),
      ),
    );
    const [twice, fine] = await Promise.allSettled([
      one.saveRules([ruleOf("r0-0")]),
      other.saveRules([ruleOf("fine")]),
    ]);
    assert.deepEqual([twice?.status, fine?.status], ["rejected", "fulfilled"]);
    for (const each of all) assert.equal((await each.load()).rules.length, 151);
    assert.ok(store.health().commits < 100, "calls of several threads share commits");

    const left = one.saveRules([ruleOf("left")]);
    await one.close();
    await left;
    await assert.rejects(one.load(), { code: "CONFLICT" });
    assert.equal((await other.ruleVersions("left")).length, 1);
    await other.close();
    await store.close();
    const again = await openSqliteStore({ directory });
    assert.equal((await again.load()).rules.length, 152);
    await again.close();
  } finally {
    await rm(directory, { recursive: true });
  }
});
