import type { JsonObject } from "@myelin/core/json";

/** What the bearer of a token may do: be an agent, do everything, or read. */
export type Role = "agent" | "operator" | "reader";

/** A token as it is kept: never the secret itself. */
export interface TokenRecord {
  /** Part of the token's text, and its name for ever. */
  readonly id: string;
  /** Unique among the tokens kept; the id unless one was given. */
  readonly name: string;
  readonly role: Role;
  /** Pattern of the agent ids that its bearers may be; there for the role `agent` only. */
  readonly agents?: string;
  /** SHA-256 of the token's text, in hexadecimal. */
  readonly hash: string;
  readonly createdAtUs: number;
  readonly createdBy: string;
  readonly expiresAtUs?: number;
  /** When its expiry was told, so that it is told once, whatever starts again. */
  readonly expiryToldAtUs?: number;
  readonly revokedAtUs?: number;
  readonly revokedBy?: string;
  /** When it last admitted somebody; written behind, about once a minute. */
  readonly lastUsedAtUs?: number;
}

/** What became of an act. */
export const auditOutcomes = ["done", "failed", "refused"] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

/** One act, or the attempt at one: who, when, what, and what became of it. */
export interface AuditEntry {
  readonly timeUs: number;
  /** Who acted: `local`, `token`, `token:NAME`, `node`, or `anyone` who showed no token that is known. */
  readonly actor: string;
  /** What was done, such as `rules.apply`. */
  readonly act: string;
  /** What it was done to: a rule's, agent's, instruction's or token's name; "" for the node as a whole. */
  readonly subject: string;
  readonly outcome: AuditOutcome;
  /** Code of the error, where there was one. */
  readonly code?: string;
  /** Where the call came from. */
  readonly address: string;
  readonly details: JsonObject;
}

/** An entry with its place; places only grow. */
export interface KeptAuditEntry extends AuditEntry {
  readonly sequence: number;
}

/** Which entries are asked for, newest first; all conditions must hold. */
export interface AuditQuery {
  readonly actor?: string;
  readonly act?: string;
  readonly subject?: string;
  readonly outcome?: AuditOutcome;
  readonly sinceUs?: number;
  readonly untilUs?: number;
  /** Entries before this place. */
  readonly before?: number;
  /** 1 to 1,000. */
  readonly limit: number;
}

/**
 * How much of the audit is kept: entries up to 90 days older than the newest, and a million of them.
 * What is within both cannot be changed or deleted.
 */
export const auditRetention: { readonly maxEntries: number; readonly maxAgeUs: number } = {
  maxEntries: 1_000_000,
  maxAgeUs: 90 * 86_400e6,
};
