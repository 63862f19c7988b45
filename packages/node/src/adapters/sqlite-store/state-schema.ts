import { auditRetention } from "../../ports/access-records.ts";
import { auditSchema } from "./audit-schema.ts";
import type { Schema } from "./database.ts";
import type { SealedTable } from "./seal.ts";

/** Holds for instructions that have not ended; written like this so that the partial index serves it. */
export const openStatus = "status IN ('accepted', 'sent', 'received')";

/** What the seals of the rows are of, by table. */
export const stateTables: Readonly<Record<StateTable, SealedTable>> = {
  agent: { name: "agent", columns: ["id", "record"] },
  rule: { name: "rule", columns: ["name", "version", "record"] },
  instruction: {
    name: "instruction",
    columns: [
      "id",
      "batch",
      "agent",
      "part",
      "action",
      "args",
      "priority",
      "idempotency_key",
      "actor",
      "created_at_us",
      "deadline_us",
      "timeout_us",
      "status",
      "incarnation",
      "ended_at_us",
      "result",
      "error",
      "is_durable",
      "is_outlived",
    ],
  },
  token: { name: "token", columns: ["id", "record"] },
  setting: { name: "setting", columns: ["name", "record"] },
  episode: { name: "episode", columns: ["agent", "rule", "record"] },
  audit: {
    name: "audit",
    columns: ["time_us", "actor", "act", "subject", "outcome", "code", "address", "details"],
  },
};

type StateTable = "agent" | "rule" | "instruction" | "token" | "setting" | "episode" | "audit";

/** `state.db`: registry, rules, accepted instructions, settings, tokens, audit, episodes. A migration that was released is never changed. */
export const stateSchema: Schema = {
  migrations: [
    `
    CREATE TABLE agent (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      record TEXT NOT NULL
    ) STRICT;

    CREATE TABLE rule (
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      record TEXT NOT NULL,
      PRIMARY KEY (name, version)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE instruction (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      batch TEXT NOT NULL,
      agent TEXT NOT NULL,
      part TEXT,
      action TEXT NOT NULL,
      args TEXT NOT NULL,
      priority REAL NOT NULL,
      idempotency_key TEXT,
      actor TEXT NOT NULL,
      created_at_us REAL NOT NULL,
      deadline_us REAL NOT NULL,
      timeout_us REAL NOT NULL,
      status TEXT NOT NULL CHECK (status IN
        ('accepted', 'sent', 'received', 'executed', 'failed', 'rejected', 'expired', 'canceled')),
      incarnation TEXT,
      ended_at_us REAL,
      result TEXT,
      error TEXT,
      is_durable INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX instruction_key ON instruction (idempotency_key) WHERE idempotency_key IS NOT NULL;
    CREATE INDEX instruction_open ON instruction (sequence) WHERE ${openStatus};
    CREATE INDEX instruction_ended ON instruction (ended_at_us) WHERE ended_at_us IS NOT NULL;
    `,
    `
    CREATE TABLE token (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      record TEXT NOT NULL
    ) STRICT;
    ${auditSchema(auditRetention)}`,
    `
    CREATE TABLE setting (
      name TEXT PRIMARY KEY,
      record TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    `,
    `
    ALTER TABLE instruction ADD COLUMN is_outlived INTEGER NOT NULL DEFAULT 0;
    `,
    // In the order in which they were made, not by name: the versions of a set of rules that are made together
    // lie together then, where each of its rules cost a page of its own.
    `
    CREATE TABLE rule_version (
      sequence INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      record TEXT NOT NULL,
      UNIQUE (name, version)
    ) STRICT;
    INSERT INTO rule_version (name, version, record)
      SELECT name, version, record FROM rule ORDER BY version, name;
    DROP TABLE rule;
    ALTER TABLE rule_version RENAME TO rule;
    `,
    `
    CREATE TABLE episode (
      agent TEXT NOT NULL,
      rule TEXT NOT NULL,
      record TEXT NOT NULL,
      PRIMARY KEY (agent, rule)
    ) STRICT, WITHOUT ROWID;
    `,
    `
    ALTER TABLE agent ADD COLUMN seal INTEGER;
    UPDATE agent SET seal = seal_of(id, record);
    ALTER TABLE rule ADD COLUMN seal INTEGER;
    UPDATE rule SET seal = seal_of(name, version, record);
    ALTER TABLE instruction ADD COLUMN seal INTEGER;
    UPDATE instruction SET seal = seal_of(id, batch, agent, part, action, args, priority, idempotency_key, actor,
      created_at_us, deadline_us, timeout_us, status, incarnation, ended_at_us, result, error, is_durable, is_outlived);
    ALTER TABLE token ADD COLUMN seal INTEGER;
    UPDATE token SET seal = seal_of(id, record);
    ALTER TABLE setting ADD COLUMN seal INTEGER;
    UPDATE setting SET seal = seal_of(name, record);
    ALTER TABLE episode ADD COLUMN seal INTEGER;
    UPDATE episode SET seal = seal_of(agent, rule, record);
    DROP TRIGGER audit_not_changed;
    ALTER TABLE audit ADD COLUMN seal INTEGER;
    UPDATE audit SET seal = seal_of(time_us, actor, act, subject, outcome, code, address, details);
    CREATE TRIGGER audit_not_changed BEFORE UPDATE ON audit
      BEGIN SELECT RAISE(ABORT, 'entries of the audit are not changed'); END;
    `,
  ],
  sealed: Object.values(stateTables),
};
