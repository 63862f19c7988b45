import type { Clock } from "@myelin/core/clock";
import { type ApiOptions, createApi } from "./api/index.ts";
import type { Arc } from "./arc.ts";
import type { HttpHandler } from "./ports/transport.ts";

/** What the API needs beside the arc. */
export type ArcApiOptions = Pick<
  ApiOptions,
  | "access"
  | "debug"
  | "store"
  | "describeNode"
  | "metrics"
  | "lanes"
  | "load"
  | "makeBackup"
  | "unreadiness"
> & { readonly clock: Clock };

/** Makes the handler of all HTTP requests about an arc. */
export function createArcApi(arc: Arc, options: ArcApiOptions): HttpHandler {
  return createApi(apiOptionsOf(arc, options));
}

/** What the API is given of an arc. */
export function apiOptionsOf(arc: Arc, options: ArcApiOptions): ApiOptions {
  const { clock } = options;
  return {
    ...options,
    registry: arc.registry,
    sessions: arc.sessions,
    dispatch: arc.dispatch,
    byHand: arc.byHand,
    ledger: arc.ledger,
    book: arc.rules,
    enforcement: arc.enforcement,
    audit: arc.audit,
    insight: arc.insight,
    watch: arc.watch,
    overload: () => arc.overloadFigures(),
    nowUs: () => clock.nowUs(),
    defer: (callback) => clock.defer(callback),
    closeBreaker: (name) => arc.engine.closeBreaker(name),
    openRuleBreakers: () => arc.engine.openBreakers(),
    status: (entry) => arc.engine.ruleStatus(entry.plan.name),
    isDraining: () => arc.isDraining,
  };
}
