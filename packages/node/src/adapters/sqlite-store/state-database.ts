import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { MyelinError } from "@myelin/core/errors";
import type { InstructionStatus } from "@myelin/core/instruction";
import type { AuditQuery } from "../../ports/access-records.ts";
import { AccessTables } from "./access-tables.ts";
import type { TransactionWatcher } from "./group-commit.ts";
import type {
  AuditRow,
  CopyCalls,
  EpisodeRow,
  InstructionChangeRow,
  InstructionRow,
  KeptAuditRow,
  RuleRow,
  StateCalls,
  StateSettings,
  StateTexts,
  TextRow,
} from "./protocol.ts";
import { requireSound, type Row, type SealedTable, sealOf } from "./seal.ts";
import { openStatus, stateTables } from "./state-schema.ts";

const pruneAtOnce = 1000;

const { columns } = stateTables.instruction;

/** The columns that change in the life of an instruction, in the order in which `columns` has them. */
const changeable: ReadonlySet<string> = new Set([
  "part",
  "status",
  "incarnation",
  "ended_at_us",
  "result",
  "error",
  "is_outlived",
]);

interface Counts {
  readonly agents?: number;
  readonly instructions?: number;
}

type Tables = Omit<StateCalls, "open" | "close" | keyof CopyCalls>;

/** What can be asked of an open `state.db`. Each function runs within a transaction of the caller's. */
export class StateDatabase implements Tables, TransactionWatcher {
  readonly #settings: StateSettings;
  readonly #nowUs: () => number;
  readonly #sql: ReturnType<typeof prepareAll>;
  readonly #access: AccessTables;
  readonly #path: string;
  /** Rows of the bounded tables, now and before the transaction; counted when first needed. */
  #counts: Counts = {};
  #countsBefore: Counts = {};

  constructor(database: DatabaseSync, settings: StateSettings, nowUs: () => number) {
    this.#settings = settings;
    this.#nowUs = nowUs;
    this.#sql = prepareAll(database);
    this.#path = join(settings.directory, "state.db");
    this.#access = new AccessTables(database, this.#path);
  }

  onBegin(): void {
    this.#countsBefore = this.#counts;
  }

  onRollback(): void {
    this.#counts = this.#countsBefore;
  }

  /** @throws MyelinError STORAGE_CORRUPT, as every reading, for a row that is not as it was written */
  load(): StateTexts {
    const { agent, rule, episode, setting } = stateTables;
    const texts = (rows: readonly Row[], table: SealedTable): string[] =>
      rows.map((row) => String(this.#sound(row, table)["record"]));
    return {
      agents: texts(this.#sql.loadAgents.all(), agent),
      rules: texts(this.#sql.loadRules.all(), rule),
      openInstructions: this.#instructions(this.#sql.loadInstructions.all()),
      tokens: this.#access.tokens(),
      episodes: texts(this.#sql.loadEpisodes.all(), episode),
      settings: this.#sql.loadSettings.all().map((row) => {
        const { name, record } = this.#sound(row, setting);
        return { id: String(name), text: String(record) };
      }),
    };
  }

  saveAgents(rows: readonly TextRow[]): void {
    const { maxAgents } = this.#settings;
    let count = this.#counts.agents ?? countOf(this.#sql.countAgents);
    for (const { id, text } of rows) {
      const seal = sealOf([id, text]);
      if (this.#sql.updateAgent.run(text, seal, id).changes === 1) continue;
      count += 1;
      if (count > maxAgents) {
        throw new MyelinError("RESOURCE_EXHAUSTED", `the registry holds its ${maxAgents} agents`, {
          hint: "Forget agents that are gone for good, or raise maxAgents.",
        });
      }
      this.#sql.insertAgent.run(id, text, seal);
    }
    this.#counts = { ...this.#counts, agents: count };
  }

  forgetAgent(id: string): boolean {
    this.#sql.deleteEpisodes.run(id);
    const isKnown = this.#sql.deleteAgent.run(id).changes === 1;
    const { agents } = this.#counts;
    if (isKnown && agents !== undefined) this.#counts = { ...this.#counts, agents: agents - 1 };
    return isKnown;
  }

  saveEpisodes(rows: readonly EpisodeRow[]): void {
    for (const { agent, rule, text } of rows) {
      if (text === undefined) this.#sql.deleteEpisode.run(agent, rule);
      else this.#sql.saveEpisode.run(agent, rule, text, sealOf([agent, rule, text]));
    }
  }

  saveRules(rows: readonly RuleRow[]): void {
    for (const { id, version, text } of rows) {
      const seal = sealOf([id, version, text]);
      if (this.#sql.insertRule.run(id, version, text, seal).changes === 1) continue;
      throw new MyelinError("ALREADY_EXISTS", `version ${version} of rule ${id} exists`);
    }
  }

  saveSetting({ id, text }: TextRow): void {
    this.#sql.saveSetting.run(id, text, sealOf([id, text]));
  }

  ruleVersions(name: string): string[] {
    const rows = this.#sql.ruleVersions.all(name);
    return rows.map((row) => String(this.#sound(row, stateTables.rule)["record"]));
  }

  acceptInstructions(rows: readonly InstructionRow[]): void {
    const kept = this.#counts.instructions ?? countOf(this.#sql.countInstructions);
    const removed = this.#makeRoom(kept + rows.length - this.#settings.maxInstructions);
    for (const row of rows) {
      this.#requireOwnKey(row);
      const values = valuesOf(row);
      if (this.#sql.insertInstruction.run(...values, sealOf(values)).changes === 0) {
        throw new MyelinError("ALREADY_EXISTS", `instruction ${row.id} exists`);
      }
    }
    this.#counts = { ...this.#counts, instructions: kept + rows.length - removed };
  }

  updateInstructions(rows: readonly InstructionChangeRow[]): void {
    for (const row of rows) {
      const changes = [
        row.part ?? null,
        row.status ?? null,
        row.incarnation ?? null,
        row.endedAtUs ?? null,
        row.result ?? null,
        row.error ?? null,
        row.isOutlived === true ? 1 : null,
      ];
      this.#sql.updateInstruction.run(...changes, ...changes, row.id);
    }
  }

  instructionsByKey(idempotencyKey: string): InstructionRow[] {
    return this.#instructions(this.#sql.instructionsByKey.all(idempotencyKey));
  }

  instructionById(id: string): InstructionRow | undefined {
    const row = this.#sql.instructionById.get(id);
    return row === undefined ? undefined : this.#instructions([row])[0];
  }

  saveTokens(rows: readonly TextRow[]): void {
    this.#access.saveTokens(rows);
  }

  deleteTokens(ids: readonly string[]): void {
    this.#access.deleteTokens(ids);
  }

  appendAudit(rows: readonly AuditRow[]): void {
    this.#access.appendAudit(rows);
  }

  queryAudit(query: AuditQuery): KeptAuditRow[] {
    return this.#access.queryAudit(query);
  }

  /** Removes some of what has been kept long enough; true when there may be more. */
  prune(): boolean {
    const beforeUs = this.#nowUs() - this.#settings.instructionRetentionUs;
    const removed = Number(this.#sql.pruneInstructions.run(beforeUs, pruneAtOnce).changes);
    const { instructions } = this.#counts;
    if (instructions !== undefined)
      this.#counts = { ...this.#counts, instructions: instructions - removed };
    const isMoreAudit = this.#access.prune();
    return removed === pruneAtOnce || isMoreAudit;
  }

  #sound(row: Row, table: SealedTable): Row {
    return requireSound(row, table, this.#path);
  }

  #instructions(rows: readonly Row[]): InstructionRow[] {
    return rows.map((row) => instructionRow(this.#sound(row, stateTables.instruction)));
  }

  #makeRoom(excess: number): number {
    if (excess <= 0) return 0;
    const removed = Number(this.#sql.removeEnded.run(excess).changes);
    if (removed === excess) return removed;
    throw new MyelinError(
      "RESOURCE_EXHAUSTED",
      `${this.#settings.maxInstructions} instructions are kept`,
      {
        hint: "Wait for open instructions to end, or raise maxInstructions.",
      },
    );
  }

  #requireOwnKey({ idempotencyKey, batch }: InstructionRow): void {
    if (idempotencyKey === undefined) return;
    if (this.#sql.foreignKey.get(idempotencyKey, batch) === undefined) return;
    throw new MyelinError("ALREADY_EXISTS", `idempotency key ${idempotencyKey} is another call's`);
  }
}

function prepareAll(database: DatabaseSync) {
  const all = [...columns, "seal"].join(", ");
  const places = [...columns, "seal"].map(() => "?").join(", ");
  const changed = columns.map((each) => (changeable.has(each) ? `coalesce(?, ${each})` : each));
  const prepare = (sql: string): StatementSync => database.prepare(sql);
  return {
    loadAgents: prepare("SELECT id, record, seal FROM agent ORDER BY sequence"),
    countAgents: prepare("SELECT count(*) AS count FROM agent"),
    updateAgent: prepare("UPDATE agent SET record = ?, seal = ? WHERE id = ?"),
    insertAgent: prepare("INSERT INTO agent (id, record, seal) VALUES (?, ?, ?)"),
    deleteAgent: prepare("DELETE FROM agent WHERE id = ?"),
    loadEpisodes: prepare("SELECT * FROM episode"),
    saveEpisode: prepare(
      "INSERT OR REPLACE INTO episode (agent, rule, record, seal) VALUES (?, ?, ?, ?)",
    ),
    deleteEpisode: prepare("DELETE FROM episode WHERE agent = ? AND rule = ?"),
    deleteEpisodes: prepare("DELETE FROM episode WHERE agent = ?"),
    // Of a group's columns beside max(), SQLite takes those of the row with the maximum.
    loadRules: prepare(
      `SELECT name, version, record, seal FROM (SELECT name, max(version) AS version FROM rule GROUP BY name)
        JOIN rule USING (name, version) ORDER BY name`,
    ),
    insertRule: prepare(
      "INSERT OR IGNORE INTO rule (name, version, record, seal) VALUES (?, ?, ?, ?)",
    ),
    loadSettings: prepare("SELECT name, record, seal FROM setting"),
    saveSetting: prepare("INSERT OR REPLACE INTO setting (name, record, seal) VALUES (?, ?, ?)"),
    ruleVersions: prepare(
      "SELECT name, version, record, seal FROM rule WHERE name = ? ORDER BY version",
    ),
    countInstructions: prepare("SELECT count(*) AS count FROM instruction"),
    loadInstructions: prepare(
      `SELECT ${all} FROM instruction WHERE ${openStatus} ORDER BY sequence`,
    ),
    insertInstruction: prepare(`INSERT OR IGNORE INTO instruction (${all}) VALUES (${places})`),
    updateInstruction: prepare(`
      UPDATE instruction SET
        part = coalesce(?, part), status = coalesce(?, status), incarnation = coalesce(?, incarnation),
        ended_at_us = coalesce(?, ended_at_us), result = coalesce(?, result), error = coalesce(?, error),
        is_outlived = coalesce(?, is_outlived), seal = seal_of(${changed.join(", ")})
      WHERE id = ?`),
    instructionById: prepare(`SELECT ${all} FROM instruction WHERE id = ?`),
    instructionsByKey: prepare(
      `SELECT ${all} FROM instruction WHERE idempotency_key = ? ORDER BY sequence`,
    ),
    foreignKey: prepare(
      "SELECT 1 FROM instruction WHERE idempotency_key = ? AND batch <> ? LIMIT 1",
    ),
    removeEnded: prepare(`
      DELETE FROM instruction WHERE sequence IN
        (SELECT sequence FROM instruction WHERE NOT (${openStatus}) ORDER BY sequence LIMIT ?)`),
    pruneInstructions: prepare(`
      DELETE FROM instruction WHERE sequence IN
        (SELECT sequence FROM instruction WHERE ended_at_us < ? AND NOT (${openStatus}) LIMIT ?)`),
  };
}

function countOf(statement: StatementSync): number {
  return Number(statement.get()?.["count"]);
}

function valuesOf(row: InstructionRow): (string | number | null)[] {
  return [
    row.id,
    row.batch,
    row.agent,
    row.part ?? null,
    row.action,
    row.args,
    row.priority,
    row.idempotencyKey ?? null,
    row.actor,
    row.createdAtUs,
    row.deadlineUs,
    row.timeoutUs,
    row.status,
    row.incarnation ?? null,
    row.endedAtUs ?? null,
    row.result ?? null,
    row.error ?? null,
    row.isDurable ? 1 : 0,
    row.isOutlived === true ? 1 : 0,
  ];
}

function instructionRow(row: Row): InstructionRow {
  const optional = <Key extends string, Value>(
    key: Key,
    value: Value | null,
  ): { [key in Key]?: Value } =>
    value === null ? {} : ({ [key]: value } as { [key in Key]: Value });
  const text = (column: string): string => String(row[column]);
  const textOrNull = (column: string): string | null =>
    row[column] === null ? null : text(column);
  return {
    id: text("id"),
    batch: text("batch"),
    agent: text("agent"),
    ...optional("part", textOrNull("part")),
    action: text("action"),
    args: text("args"),
    priority: Number(row["priority"]),
    ...optional("idempotencyKey", textOrNull("idempotency_key")),
    actor: text("actor"),
    createdAtUs: Number(row["created_at_us"]),
    deadlineUs: Number(row["deadline_us"]),
    timeoutUs: Number(row["timeout_us"]),
    // The schema's CHECK lets no other text in.
    status: text("status") as InstructionStatus,
    ...optional("incarnation", textOrNull("incarnation")),
    ...optional("endedAtUs", row["ended_at_us"] === null ? null : Number(row["ended_at_us"])),
    ...optional("result", textOrNull("result")),
    ...optional("error", textOrNull("error")),
    isDurable: row["is_durable"] === 1,
    ...optional("isOutlived", row["is_outlived"] === 1 ? (true as const) : null),
  };
}
