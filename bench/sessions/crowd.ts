import { fileURLToPath } from "node:url";
import { Helper } from "../report/index.ts";
import type { Peer } from "./light-client.ts";

/** Which sessions are to be held open. */
export interface CrowdOrder {
  readonly url: string;
  readonly peer: Peer;
  readonly sessions: number;
  readonly heartbeatMs: number;
}

/** The process that holds idle sessions open. */
export class Crowd implements AsyncDisposable {
  readonly #helper: Helper;

  private constructor(helper: Helper) {
    this.#helper = helper;
  }

  /** Resolves when all have joined. */
  static async join(order: CrowdOrder): Promise<Crowd> {
    const path = fileURLToPath(new URL("./crowd-program.ts", import.meta.url));
    const crowd = new Crowd(new Helper(path, [JSON.stringify(order)]));
    await crowd.#helper.told();
    return crowd;
  }

  /** True while all of them are connected: it ends when one is not. */
  get isWhole(): boolean {
    return this.#helper.isRunning;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#helper[Symbol.asyncDispose]();
  }
}
