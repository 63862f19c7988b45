import type { Access } from "../access/index.ts";
import type { Audit } from "../audit/index.ts";
import type { AgentsApiOptions } from "./agents.ts";
import type { AuditApiOptions } from "./audit.ts";
import type { BackupApiOptions } from "./backup.ts";
import type { BreakersApiOptions } from "./breakers.ts";
import type { DebugApiOptions } from "./debug.ts";
import type { InstructionsApiOptions } from "./instructions.ts";
import type { Lanes } from "./lanes.ts";
import type { RulesApiOptions } from "./rules.ts";
import type { TopApiOptions } from "./top.ts";

/** What the API is made of. */
export interface ApiOptions
  extends AgentsApiOptions,
    BackupApiOptions,
    BreakersApiOptions,
    DebugApiOptions,
    HealthOptions,
    InstructionsApiOptions,
    RulesApiOptions,
    TopApiOptions {
  readonly access: Access;
  readonly sessions: TopApiOptions["sessions"];
  readonly status: TopApiOptions["status"];
  readonly insight: AgentsApiOptions["insight"] & TopApiOptions["insight"];
  readonly store: AuditApiOptions["store"] & InstructionsApiOptions["store"];
  readonly audit: Audit;
  /** What the node says of itself. */
  readonly describeNode: () => unknown;
  /** The node's lanes, where it has several and this is the API of their front. */
  readonly lanes?: Lanes;
  /** The metrics in Prometheus text format, with their content type. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HealthOptions {
  /** Undefined when the node is ready, else why it is not. */
  readonly unreadiness: () => string | undefined;
  /** Where the API is, for who looks for it on a listener that tells health only. */
  readonly hint?: string;
}
