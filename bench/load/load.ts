import { fileURLToPath } from "node:url";
import { Helper, type Spent, spentDuring, startProcess } from "../report/index.ts";
import { punctual } from "./policy.ts";

/** What agents of a load send. */
export interface Load {
  readonly url: string;
  readonly name: string;
  readonly agents: number;
  /** Of each agent; 0 for as many as the node reads. */
  readonly framesPerSecond: number;
  /** Metrics of a frame, and instants at which each is sampled. */
  readonly metrics: number;
  readonly instants: number;
  /** Of so many frames of an agent one fires a rule. */
  readonly fireEvery: number;
  /** Rules that may be fired, one for each of the first metrics. */
  readonly rules: number;
}

/** Tells the load to send for a while. */
export interface Order {
  readonly seconds: number;
}

/** What the load has seen of one order. */
export interface LoadFigures {
  readonly frames: number;
  readonly fired: number;
  readonly received: number;
  /** p50, p99 and p99.9 from the moment a sample was meant to leave until the instruction was there. */
  readonly latencyUs: readonly number[];
  /** How much later than meant frames left the generator, p99.9; NaN without a pace. */
  readonly lateP999Us: number;
}

/** A run whose generator is later than this at p99.9 says nothing. */
export const maxLateUs = 1000;

/** The process that loads the node. */
export class LoadProcess implements AsyncDisposable {
  readonly #helper: Helper;

  private constructor(helper: Helper) {
    this.#helper = helper;
  }

  static async start(load: Load): Promise<LoadProcess> {
    const path = fileURLToPath(new URL("./load-program.ts", import.meta.url));
    const options = load.framesPerSecond > 0 ? punctual() : {};
    const started = new LoadProcess(new Helper(path, [JSON.stringify(load)], options));
    await started.#helper.told();
    return started;
  }

  async run(seconds: number): Promise<LoadFigures> {
    return (await this.#helper.ask({ seconds } satisfies Order)) as LoadFigures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#helper[Symbol.asyncDispose]();
  }
}

/** The same load on a bare server, after a while that does not count: what it takes without a node. */
export async function bareLoad(
  load: Omit<Load, "url">,
  warmUpSeconds: number,
  seconds: number,
): Promise<Spent<LoadFigures>> {
  const path = fileURLToPath(new URL("./bare-server.ts", import.meta.url));
  const bare = await startProcess(path, []);
  try {
    const url = bare.announced["url"] ?? "";
    await using process = await LoadProcess.start({ ...load, url });
    await process.run(warmUpSeconds);
    return await spentDuring(bare.process.pid ?? 0, async () => await process.run(seconds));
  } finally {
    await bare.stop();
  }
}

/** Rules of which each of the first `metrics` has its own, the others being never true. */
export function loadRules(count: number, metrics: number): readonly unknown[] {
  return Array.from({ length: count }, (_, at) => ({
    name: `load-${at}`,
    expr: at < metrics ? `m${at} > 0.9` : `m${at % metrics} > 0.5 && m${(at + 1) % metrics} > 2`,
    action: "measure",
    deadline: "1s",
    timeout: "1s",
    cooldown: "0s",
  }));
}

/** From a frame read to its instruction written, as the node has it of its whole life: microseconds. */
export async function nodeTimes(
  http: string,
): Promise<{ readonly p50: number; readonly p99: number; readonly p999: number }> {
  const ledger = (await (await fetch(new URL("/api/v1/ledger", http))).json()) as {
    readonly fleet: {
      readonly nodeUs: { readonly p50: number; readonly p99: number; readonly p999: number };
    };
  };
  return ledger.fleet.nodeUs;
}

/** Samples of agents that the node has taken since it started: received, and not dropped for any reason. */
export async function takenSamples(http: string): Promise<number> {
  const text = await (await fetch(new URL("/metrics", http))).text();
  const sumOf = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  return sumOf("myelin_samples_received_total") - sumOf("myelin_samples_dropped_total");
}
