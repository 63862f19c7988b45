import type { Arc } from "../../arc.ts";
import type { Store } from "../../ports/store.ts";
import type { NodeIdentity, SessionSettings } from "../../session/index.ts";
import type { ArcSettings } from "../../settings.ts";
import type { StorageFigures } from "../sqlite-store/index.ts";
import type { Traces } from "../traces/index.ts";
import type { Refusals } from "./refusals.ts";

/** What the figures are read from. */
export interface MetricSources {
  readonly arc: Arc;
  readonly store: Pick<Store, "health">;
  readonly node: NodeIdentity;
  readonly settings: ArcSettings;
  readonly sessionSettings: SessionSettings;
  /** Answers over HTTP so far, by status. */
  readonly answers: ReadonlyMap<number, number>;
  /** Callers that transports did not take, so far. */
  readonly refusals: Refusals;
  /** Absent for a node that keeps nothing on disk. */
  readonly storage?: StorageFigures | undefined;
  /** Absent where nobody asked for traces. */
  readonly traces?: Pick<Traces, "figures"> | undefined;
}
