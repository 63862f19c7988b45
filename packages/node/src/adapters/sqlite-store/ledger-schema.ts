import type { Schema } from "./database.ts";
import type { SealedTable } from "./seal.ts";

/** What an entry's seal is of. */
export const entryTable: SealedTable = {
  name: "entry",
  columns: ["id", "agent", "rule", "status", "ended_at_us", "entry"],
};

/** One day of the ledger. A migration that was released is never changed. */
export const ledgerSchema: Schema = {
  migrations: [
    `
    CREATE TABLE entry (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      agent TEXT NOT NULL,
      rule TEXT,
      status TEXT NOT NULL,
      ended_at_us REAL NOT NULL,
      entry TEXT NOT NULL
    ) STRICT;
    CREATE INDEX entry_agent ON entry (agent);
    CREATE INDEX entry_rule ON entry (rule) WHERE rule IS NOT NULL;
    CREATE INDEX entry_ended ON entry (ended_at_us);
    `,
    `
    ALTER TABLE entry ADD COLUMN seal INTEGER;
    UPDATE entry SET seal = seal_of(id, agent, rule, status, ended_at_us, entry);
    `,
  ],
  sealed: [entryTable],
};
