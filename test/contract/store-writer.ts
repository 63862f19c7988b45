// Writes into a store without end and says on standard output what was answered, a line each, so that
// a test can kill it and look what is left.
import { argv, stdout } from "node:process";
import { openSqliteStore } from "../../packages/node/src/adapters/sqlite-store/index.ts";
import { instructionRecord, ledgerEntry } from "../../packages/node/src/ports/test-support.ts";

const writersAtOnce = 8;
const store = await openSqliteStore({ directory: argv[2] ?? "" });
let count = 0;

async function write(): Promise<void> {
  for (;;) {
    const id = `i${count++}`;
    const batch = [0, 1, 2].map((index) => instructionRecord(`${id}.${index}`, { batch: id }));
    await store.acceptInstructions(batch);
    stdout.write(`accepted ${id}\n`);
    await store.updateInstructions([
      { id: `${id}.0`, status: "sent", part: "app", incarnation: "i1" },
    ]);
    stdout.write(`sent ${id}\n`);
    void store.appendLedger([ledgerEntry(id)]).then((isWritten) => {
      if (isWritten) stdout.write(`written ${id}\n`);
    });
  }
}

await Promise.all(Array.from({ length: writersAtOnce }, write));
