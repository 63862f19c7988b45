import { fileURLToPath } from "node:url";
import { Helper } from "../report/index.ts";

/** Who is to connect where. */
export interface StormOrder {
  readonly url: string;
  readonly agents: number;
  /** Bare WebSocket clients in the place of agents. */
  readonly isBare: boolean;
}

/** What was seen until all were there. */
export interface StormSeen {
  /** When each came to be there since all were there last, microseconds since the epoch. */
  readonly liveAtUs: readonly number[];
  readonly tries: number;
  /** Tries and connections that failed, by code. */
  readonly failures: Readonly<Record<string, number>>;
  /** Agents that were refused for good. */
  readonly closed: number;
}

/** What came of every agent reporting a sample that fires. */
export interface StormReached {
  readonly reached: number;
}

/** The process of the agents. */
export class StormProcess implements AsyncDisposable {
  readonly #helper: Helper;

  private constructor(helper: Helper) {
    this.#helper = helper;
  }

  /** Resolves when all are there. */
  static async start(order: StormOrder): Promise<StormProcess> {
    const path = fileURLToPath(new URL("./storm-program.ts", import.meta.url));
    const storm = new StormProcess(new Helper(path, [JSON.stringify(order)]));
    await storm.whole();
    return storm;
  }

  get pid(): number {
    return this.#helper.pid;
  }

  /** Resolves when all are there, or one is refused for good. */
  async whole(): Promise<StormSeen> {
    return (await this.#helper.told()) as StormSeen;
  }

  /** Has every agent report what fires; resolves to how many an instruction reached. */
  async reach(): Promise<number> {
    return ((await this.#helper.ask("reach")) as StormReached).reached;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#helper[Symbol.asyncDispose]();
  }
}
