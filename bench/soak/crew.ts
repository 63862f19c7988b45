import { fileURLToPath } from "node:url";
import { Helper } from "../report/index.ts";

/** What the crew has done since it was asked last. */
export interface CrewFigures {
  readonly byHand: number;
  /** Instructions by hand that did not end as executed. */
  readonly notExecuted: number;
  /** p50 and p99 of instructions by hand, from the call to the outcome in its answer. */
  readonly byHandUs: readonly number[];
  readonly reads: number;
  /** p99 of the reads. */
  readonly readUs: number;
  readonly reconnects: number;
  readonly watchEvents: number;
  /** Calls that failed, or were answered with an error. */
  readonly failedCalls: number;
}

/** The process of all that is done besides the samples: by hand, by reading, by coming and going, by watching. */
export class Crew implements AsyncDisposable {
  readonly #helper: Helper;

  private constructor(helper: Helper) {
    this.#helper = helper;
  }

  /** Resolves when it is at work. */
  static async start(url: string, http: string): Promise<Crew> {
    const path = fileURLToPath(new URL("./crew-program.ts", import.meta.url));
    const crew = new Crew(new Helper(path, [url, http]));
    await crew.#helper.told();
    return crew;
  }

  async figures(): Promise<CrewFigures> {
    return (await this.#helper.ask("figures")) as CrewFigures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#helper[Symbol.asyncDispose]();
  }
}
