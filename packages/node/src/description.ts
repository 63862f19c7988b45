import type { Clock } from "@myelin/core/clock";
import { type EnforcementDocument, enforcementDocument } from "./api/index.ts";
import type { Arc } from "./arc.ts";
import type { Store, StoreHealth } from "./ports/store.ts";
import type { OverloadFigures } from "./scheduler/index.ts";
import type { NodeIdentity } from "./session/index.ts";

/** What a node is told to say of itself; it decides nothing by it. */
export interface NodeProfile {
  /** What the node can do. */
  readonly capabilities?: readonly string[];
  /** Where the node stands. */
  readonly location?: string;
  /** What its operators say of it; `active` unless given. */
  readonly status?: string;
  /** Ids of nodes and devices nearby. */
  readonly neighbors?: readonly string[];
}

/** What a node says of itself. */
export interface NodeDescription {
  /** Unique in the fleet; the host's name unless given. */
  readonly id: string;
  /** `device`, `edge` or `cloud`. */
  readonly tier: string;
  /** Version of Myelin. */
  readonly version: string;
  /** What it can do, in its operators' words. */
  readonly capabilities: readonly string[];
  /** Where it stands; null where nobody said. */
  readonly location: string | null;
  /** What its operators say of it. */
  readonly status: string;
  /** Ids of nodes and devices nearby. */
  readonly neighbors: readonly string[];
  /** ISO 8601. */
  readonly startedAt: string;
  /** Whole seconds since then. */
  readonly uptimeSeconds: number;
  /** Agents known, present and gone. */
  readonly agents: number;
  /** Sessions, live and away. */
  readonly sessions: number;
  /** Rules in force. */
  readonly rules: number;
  /** Instructions accepted and not ended. */
  readonly openInstructions: number;
  /** Whether rules are enforced, or all decide as in shadow mode. */
  readonly enforcement: EnforcementDocument;
  /** Rules whose breakers are open. */
  readonly openBreakers: readonly string[];
  /** How the store fares. */
  readonly store: StoreHealth;
  /** How loaded the node is, and what it did about it. */
  readonly overload: OverloadFigures;
  /** `draining` from the beginning of a shutdown on. */
  readonly state: "serving" | "draining";
}

/** What a node's description is made of. */
export interface DescriptionOptions {
  readonly arc: Arc;
  readonly store: Pick<Store, "health">;
  readonly clock: Clock;
  readonly identity: NodeIdentity;
  readonly profile: NodeProfile;
  readonly startedAtUs: number;
}

/** Gives what a node says of itself, each time anew. */
export function describer(options: DescriptionOptions): () => NodeDescription {
  const { arc, store, clock, profile, startedAtUs } = options;
  const { id, tier, version } = options.identity;
  return () => ({
    id,
    tier,
    version,
    capabilities: profile.capabilities ?? [],
    location: profile.location ?? null,
    status: profile.status ?? "active",
    neighbors: profile.neighbors ?? [],
    startedAt: new Date(startedAtUs / 1000).toISOString(),
    uptimeSeconds: Math.round((clock.nowUs() - startedAtUs) / 1e6),
    agents: arc.registry.size,
    sessions: arc.sessions.sessionCount,
    rules: arc.rules.list().length,
    openInstructions: arc.dispatch.openCount,
    enforcement: enforcementDocument(arc.enforcement),
    openBreakers: arc.engine.openBreakers(),
    store: store.health(),
    overload: arc.overloadFigures(),
    state: arc.isDraining ? "draining" : "serving",
  });
}
