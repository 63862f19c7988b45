import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LedgerService } from "./ledger-service.ts";
import type { LedgerRow } from "./protocol.ts";

function row(id: string): LedgerRow {
  const nowUs = Date.now() * 1e3;
  return {
    id,
    agent: "w1",
    rule: null,
    status: "executed",
    createdAtUs: nowUs,
    endedAtUs: nowUs,
    text: id,
  };
}

test("appends that queued up are answered each by its own outcome, and a faulty one costs the others nothing", () => {
  const directory = mkdtempSync(join(tmpdir(), "myelin-ledger-"));
  const service = new LedgerService({ directory, retentionDays: 7, maxBytes: 1 << 30 });
  const append = (...rows: readonly LedgerRow[]) => ({ name: "append", argument: rows });
  const query = { name: "query", argument: { limit: 10, newestFirst: false } };
  try {
    const faulty = { ...row("c"), agent: null as unknown as string };
    const { outcomes } = service.run([
      append(row("a"), row("b")),
      append(faulty),
      append(row("d")),
      query,
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => ("error" in outcome ? outcome.error.code : "done")),
      ["done", "INTERNAL", "done", "done"],
    );
    const [, , , page] = outcomes;
    assert.ok(page !== undefined && "value" in page);
    assert.deepEqual((page.value as { entries: string[] }).entries, ["a", "b", "d"]);
  } finally {
    service.run([{ name: "close", argument: undefined }]);
    rmSync(directory, { recursive: true });
  }
});
