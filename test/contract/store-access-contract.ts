import assert from "node:assert/strict";
import {
  type AuditEntry,
  auditRetention,
  type TokenRecord,
} from "../../packages/node/src/ports/access-records.ts";
import { nowUs } from "../../packages/node/src/ports/test-support.ts";
import type { InStore, Promised } from "./store-place.ts";

function tokenRecord(id: string, changes: Partial<TokenRecord> = {}): TokenRecord {
  return {
    id,
    name: `name of ${id}`,
    role: "agent",
    agents: "w-*",
    hash: "00ff",
    createdAtUs: nowUs,
    createdBy: "local",
    expiresAtUs: nowUs + 1e6,
    ...changes,
  };
}

function auditEntry(subject: string, changes: Partial<AuditEntry> = {}): AuditEntry {
  return {
    timeUs: nowUs,
    actor: "token:ops",
    act: "rules.apply",
    subject,
    outcome: "done",
    address: "127.0.0.1",
    details: { rules: ["hot", "täglich"], version: 1.5, by: null },
    ...changes,
  };
}

/** What every store promises of tokens and of the audit. */
export function accessContract(promise: Promised, inStore: InStore): void {
  promise("tokens are found again, with all that is known of them", async (place) => {
    const first = await place.open();
    await first.saveTokens([tokenRecord("b"), tokenRecord("a", { role: "reader" })]);
    const revoked = tokenRecord("b", { revokedAtUs: nowUs, revokedBy: "local", lastUsedAtUs: 1 });
    await first.saveTokens([revoked]);
    await first.close();
    const second = await place.open();
    assert.deepEqual((await second.load()).tokens, [revoked, tokenRecord("a", { role: "reader" })]);
  });

  inStore("deleted tokens are gone, and unknown ones are passed over", async (store) => {
    await store.saveTokens([tokenRecord("a"), tokenRecord("b")]);
    await store.deleteTokens(["a", "unheard-of"]);
    assert.deepEqual((await store.load()).tokens, [tokenRecord("b")]);
  });

  promise("the audit is found again, newest first, in the order of appending", async (place) => {
    const first = await place.open();
    const refused = auditEntry("w1", { outcome: "refused", code: "PERMISSION_DENIED" });
    await first.appendAudit([auditEntry("hot"), refused]);
    await first.close();
    const second = await place.open();
    await second.appendAudit([auditEntry("cold", { timeUs: nowUs - 5 })]);
    const entries = await second.queryAudit({ limit: 10 });
    assert.deepEqual(
      entries.map(({ sequence, ...entry }) => [sequence, entry]),
      [
        [3, auditEntry("cold", { timeUs: nowUs - 5 })],
        [2, refused],
        [1, auditEntry("hot")],
      ],
    );
  });

  inStore("the audit is read page by page, narrowed by each of its conditions", async (store) => {
    await store.appendAudit([
      auditEntry("a", { actor: "local" }),
      auditEntry("b", { act: "rules.delete", timeUs: nowUs + 1 }),
      auditEntry("c", { outcome: "failed", code: "CONFLICT", timeUs: nowUs + 2 }),
    ]);
    const subjects = async (query: object): Promise<string> => {
      const entries = await store.queryAudit({ limit: 10, ...query });
      return entries.map(({ subject }) => subject).join("");
    };
    assert.equal(await subjects({}), "cba");
    assert.equal(await subjects({ limit: 2 }), "cb");
    assert.equal(await subjects({ before: 2 }), "a");
    assert.equal(await subjects({ actor: "local" }), "a");
    assert.equal(await subjects({ act: "rules.delete" }), "b");
    assert.equal(await subjects({ subject: "c" }), "c");
    assert.equal(await subjects({ outcome: "failed" }), "c");
    assert.equal(await subjects({ sinceUs: nowUs + 1 }), "cb");
    assert.equal(await subjects({ untilUs: nowUs + 1 }), "a");
    for (const limit of [0, 1001, 1.5]) {
      await assert.rejects(store.queryAudit({ limit }), { code: "INVALID_ARGUMENT" });
    }
  });

  promise(
    "only what is past the audit's retention goes, and its places are not used again",
    async (place) => {
      const first = await place.open();
      const oldUs = nowUs - auditRetention.maxAgeUs - 1;
      await first.appendAudit([auditEntry("past", { timeUs: oldUs })]);
      await first.appendAudit([auditEntry("kept", { timeUs: oldUs + 1 }), auditEntry("new")]);
      await first.close();
      const second = await place.open();
      await second.appendAudit([auditEntry("newest")]);
      const entries = await second.queryAudit({ limit: 10 });
      assert.deepEqual(
        entries.map(({ sequence, subject }) => [sequence, subject]),
        [
          [4, "newest"],
          [3, "new"],
          [2, "kept"],
        ],
      );
    },
  );
}
