// Files of the data directory that are torn or changed: a node refuses them in words that help, or recovers.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openSqliteStore } from "../../packages/node/src/adapters/sqlite-store/index.ts";
import { agentRecord } from "../../packages/node/src/ports/test-support.ts";
import { eventually, temporaryDirectory } from "../e2e/support/index.ts";
import { damageAll, damageBackups } from "./storage/campaign.ts";
import { type History, makeHistory } from "./storage/history.ts";

const seed = 1;
const count = 40;

let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let history: History;

before(async () => {
  folder = await temporaryDirectory();
  history = await makeHistory(folder.path);
});
after(async () => await folder[Symbol.asyncDispose]());

for (const file of ["state.db", "state.db-wal", "ledger"] as const) {
  for (const damage of ["cut", "changed"] as const) {
    const name = file === "ledger" ? "a file of the ledger" : file;
    test(`${name} that was ${damage} is refused in words that help, or all that is told was true`, async (context) => {
      const { ends, breaches } = await damageAll(history, { file, damage, seed, count });
      context.diagnostic(JSON.stringify(ends));
      assert.deepEqual(breaches, []);
      assert.ok(ends.refused + ends.earlier > 0);
    });
  }
}

test("a backup that was cut or changed is not restored", async (context) => {
  const { ends, breaches } = await damageBackups(history, folder.path, { seed, count });
  context.diagnostic(JSON.stringify(ends));
  assert.deepEqual(breaches, []);
  assert.ok(ends.refused > count / 2);
});

test("a log that was moved into its file is empty: a part of it would bring back what was true earlier", async () => {
  const directory = join(folder.path, "rested");
  const store = await openSqliteStore({ directory });
  try {
    await store.saveAgents([agentRecord("a1")]);
    await eventually(
      "the store has rested",
      () => statSync(join(directory, "state.db-wal")).size === 0,
    );
  } finally {
    await store.close();
  }
});
