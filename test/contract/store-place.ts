import type { Store } from "../../packages/node/src/ports/store.ts";

/** The bounds that a store under test must honour. */
export interface StoreBounds {
  readonly maxAgents?: number;
  readonly maxInstructions?: number;
  readonly maxQueuedOperations?: number;
}

/** One place where things are kept. Opening it again finds what was kept before. */
export interface StorePlace {
  open(bounds?: StoreBounds): Promise<Store>;
  remove(): Promise<void>;
}

export type Promised = (sentence: string, check: (place: StorePlace) => Promise<void>) => void;
export type InStore = (
  sentence: string,
  check: (store: Store) => Promise<void>,
  bounds?: StoreBounds,
) => void;
