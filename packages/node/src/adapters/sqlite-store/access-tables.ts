import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { type AuditQuery, type AuditOutcome, auditRetention } from "../../ports/access-records.ts";
import { auditPruning } from "./audit-schema.ts";
import type { AuditRow, KeptAuditRow, TextRow } from "./protocol.ts";
import { requireSound, sealOf } from "./seal.ts";
import { stateTables } from "./state-schema.ts";

const pruneAtOnce = 1000;

/** The tables of tokens and of the audit. Each function runs within a transaction of the caller's. */
export class AccessTables {
  readonly #sql: ReturnType<typeof prepareAll>;
  readonly #path: string;

  /** `path` is that of the database, for errors. */
  constructor(database: DatabaseSync, path: string) {
    this.#sql = prepareAll(database);
    this.#path = path;
  }

  tokens(): string[] {
    return this.#sql.loadTokens
      .all()
      .map((row) => String(requireSound(row, stateTables.token, this.#path)["record"]));
  }

  saveTokens(rows: readonly TextRow[]): void {
    for (const { id, text } of rows) this.#sql.saveToken.run(id, text, sealOf([id, text]));
  }

  deleteTokens(ids: readonly string[]): void {
    for (const id of ids) this.#sql.deleteToken.run(id);
  }

  appendAudit(rows: readonly AuditRow[]): void {
    for (const row of rows) {
      const { timeUs, actor, act, subject, outcome, code = null, address, details } = row;
      const values = [timeUs, actor, act, subject, outcome, code, address, details];
      this.#sql.appendAudit.run(...values, sealOf(values));
    }
  }

  queryAudit(query: AuditQuery): KeptAuditRow[] {
    const named: Record<string, SQLInputValue> = {
      before: query.before ?? null,
      actor: query.actor ?? null,
      act: query.act ?? null,
      subject: query.subject ?? null,
      outcome: query.outcome ?? null,
      since: query.sinceUs ?? null,
      until: query.untilUs ?? null,
      limit: query.limit,
    };
    const rows = this.#sql.queryAudit.all(named);
    return rows.map((row) => auditRow(requireSound(row, stateTables.audit, this.#path)));
  }

  /** Removes some entries of the audit past their retention; true when there may be more. */
  prune(): boolean {
    const { maxEntries, maxAgeUs } = auditRetention;
    const { changes } = this.#sql.pruneAudit.run({ maxEntries, maxAgeUs, limit: pruneAtOnce });
    return Number(changes) === pruneAtOnce;
  }
}

function prepareAll(database: DatabaseSync) {
  const prepare = (sql: string): StatementSync => database.prepare(sql);
  return {
    loadTokens: prepare("SELECT id, record, seal FROM token ORDER BY sequence"),
    saveToken: prepare(
      `INSERT INTO token (id, record, seal) VALUES (?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET record = excluded.record, seal = excluded.seal`,
    ),
    deleteToken: prepare("DELETE FROM token WHERE id = ?"),
    appendAudit: prepare(`
      INSERT INTO audit (time_us, actor, act, subject, outcome, code, address, details, seal)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    queryAudit: prepare(`
      SELECT * FROM audit
      WHERE (:before IS NULL OR sequence < :before)
        AND (:actor IS NULL OR actor = :actor)
        AND (:act IS NULL OR act = :act)
        AND (:subject IS NULL OR subject = :subject)
        AND (:outcome IS NULL OR outcome = :outcome)
        AND (:since IS NULL OR time_us >= :since)
        AND (:until IS NULL OR time_us < :until)
      ORDER BY sequence DESC LIMIT :limit`),
    pruneAudit: prepare(auditPruning),
  };
}

function auditRow(row: Readonly<Record<string, unknown>>): KeptAuditRow {
  return {
    sequence: Number(row["sequence"]),
    timeUs: Number(row["time_us"]),
    actor: String(row["actor"]),
    act: String(row["act"]),
    subject: String(row["subject"]),
    // The schema's CHECK lets no other text in.
    outcome: String(row["outcome"]) as AuditOutcome,
    ...(typeof row["code"] === "string" ? { code: row["code"] } : {}),
    address: String(row["address"]),
    details: String(row["details"]),
  };
}
