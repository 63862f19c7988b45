import { cryptoRandom } from "./adapters/crypto-random/index.ts";
import { hostInUrl } from "./adapters/http-server/index.ts";
import {
  type LaneThreads,
  type SharedSeed,
  startLaneThreads,
} from "./adapters/lane-threads/index.ts";
import type { LogOptions } from "./adapters/log/index.ts";
import type { SqliteStore } from "./adapters/sqlite-store/index.ts";
import { busNameOf, Front, frontName } from "./lanes/index.ts";
import type { NodeLimits } from "./limits.ts";

/**
 * How a node of several lanes is made. Such a node needs a data directory. It takes no agents by `memory` and tells
 * nothing to `onInstructionEnded`; `describe` is the word of its front, and `GET /api/v1/node` that of all.
 */
export interface LanesWish {
  /** How many; with 1 the node is as without. */
  readonly count: number;
  /** Port of the first lane, those of the others behind it; free ones unless given. */
  readonly firstPort?: number;
  /** Address of each lane as agents reach it; the host by which an agent came with the lane's port unless given. */
  readonly urls?: readonly string[];
  /** How lanes log on standard error; as the node does by default. */
  readonly log?: LogOptions;
}

/** The lanes of a node, and what asks them. */
export interface LaneCrew {
  readonly front: Front;
  readonly threads: LaneThreads;
  /** Opens their doors. */
  open(): Promise<void>;
  /** Asks every lane something of its thread. */
  all(subject: string, body: unknown): Promise<unknown[]>;
}

/** Starts the threads of lanes, which share the bounds of `shared` where those are of all agents. */
export function hireLanes(
  { count, firstPort = 0, urls = [] }: LanesWish,
  shared: Omit<SharedSeed, "count" | "firstPort">,
  store: SqliteStore,
): LaneCrew {
  const seed = { ...shared, limits: shareOf(shared.limits, count), count, firstPort };
  const threads = startLaneThreads(seed, store, { front: frontName, nameOf: busNameOf });
  const { bus } = threads;
  const front = new Front({ bus, count, random: cryptoRandom() });
  const all: LaneCrew["all"] = (subject, body) =>
    Promise.all(
      Array.from({ length: count }, (_, at) => bus.request(busNameOf(at), subject, body)),
    );
  const open = async (): Promise<void> => {
    const ports = (await all("thread.open", undefined)).map(Number);
    const { host, tls, unixPath } = shared;
    const scheme = tls === undefined ? "ws" : "wss";
    const places = { scheme, host: hostInUrl(host), ports, urls } as const;
    await front.listening({ ...places, ...(unixPath === undefined ? {} : { unixPath }) });
  };
  return { front, threads, all, open };
}

function shareOf(limits: NodeLimits, count: number): NodeLimits {
  const divided = (bound: number): number => Math.max(1, Math.floor(bound / count));
  return {
    ...limits,
    maxAgents: divided(limits.maxAgents),
    maxPresentAgents: divided(limits.maxPresentAgents),
  };
}
