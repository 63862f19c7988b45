// The threads of a node's lanes: started, joined by a message channel for every two of them, and ended.
import { type MessagePort, Worker, workerData } from "node:worker_threads";
import { MyelinError } from "@myelin/core/errors";
import type { Bus } from "../../ports/bus.ts";
import type { SessionSettings } from "../../session/index.ts";
import type { NodeLimits } from "../../limits.ts";
import type { TlsPaths } from "../http-server/index.ts";
import type { LogOptions } from "../log/index.ts";
import { createPortBus, meshOf } from "../port-bus/index.ts";
import type { SqliteStore, StorePorts } from "../sqlite-store/index.ts";
import type { TraceOptions } from "../traces/index.ts";

/** What every lane is given. */
export interface SharedSeed {
  readonly count: number;
  readonly node: { readonly id: string; readonly tier: string; readonly version: string };
  /** The data directory. */
  readonly directory: string;
  readonly host: string;
  /** Every host that the node listens on. */
  readonly hosts: readonly string[];
  /** Port of lane 0, those of the others behind it; 0 for free ones. */
  readonly firstPort: number;
  readonly unixPath: string | undefined;
  readonly tls: TlsPaths | undefined;
  readonly token: string | undefined;
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly session: SessionSettings;
  readonly limits: NodeLimits;
  readonly isRecorded: boolean;
  /** Names the run of the node. */
  readonly run: number;
  readonly log: LogOptions;
  readonly traces: TraceOptions | undefined;
}

/** What a lane's thread is given when it starts. */
export interface LaneSeed extends SharedSeed {
  readonly lane: number;
  readonly busName: string;
  readonly store: StorePorts;
  readonly bus: ReadonlyMap<string, MessagePort>;
}

/** The threads, and the front's end of their bus. */
export interface LaneThreads {
  readonly bus: Bus;
  /** Ends them, whatever they do. */
  end(): Promise<void>;
}

const threadUrl = new URL("../../lane-thread.ts", import.meta.url);

/** Starts a thread for each lane; a fault that ends one before `end` is thrown in this thread, as its own would be. */
export function startLaneThreads(
  seed: SharedSeed,
  store: SqliteStore,
  { front, nameOf }: { readonly front: string; readonly nameOf: (lane: number) => string },
): LaneThreads {
  const lanes = Array.from({ length: seed.count }, (_, lane) => lane);
  const ports = meshOf([front, ...lanes.map(nameOf)]);
  let isEnding = false;
  const workers = lanes.map((lane) => {
    const busName = nameOf(lane);
    const bus = ports.get(busName) ?? new Map<string, MessagePort>();
    const own: LaneSeed = { ...seed, lane, busName, bus, store: store.share() };
    const worker = new Worker(threadUrl, {
      workerData: own,
      transferList: [...bus.values(), own.store.state, own.store.ledger],
      name: `myelin-${busName}`,
      execArgv: [],
    });
    // Thrown when it ends, which follows: what a listener of errors throws can be swallowed while it ends.
    let cause: unknown;
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", () => {
      if (isEnding) return;
      const what = cause === undefined ? "has ended" : "has failed";
      throw new MyelinError("INTERNAL", `the thread of lane ${lane} ${what}`, { cause });
    });
    return worker;
  });
  return {
    bus: createPortBus(front, ports.get(front) ?? new Map<string, MessagePort>()),
    end: async () => {
      isEnding = true;
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

/** What this thread was given. */
export function readSeed(): LaneSeed {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- startLaneThreads writes it
  return workerData as LaneSeed;
}
