import { MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import type { ReadStream, WriteStream } from "node:tty";
import type { Key } from "./keys.ts";
import { render } from "./render.ts";
import { Screen } from "./screen.ts";
import { type Sort, sorts, type TopState } from "./state.ts";

const everyMs = 1000;
/** Agents asked for: more than a screen shows, so that one can scroll. */
const agentsAsked = 200;

export interface LiveOptions {
  readonly address: string;
  readonly output: WriteStream;
  readonly input: ReadStream | undefined;
  readonly hasColor: boolean;
  readonly signal: AbortSignal;
  readonly sort: Sort;
  readonly ask: (query: Readonly<Record<string, string>>) => Promise<JsonObject>;
}

/** Shows the view until a key or `signal` ends it. @throws MyelinError what the first call is refused with */
export async function showLive(options: LiveOptions): Promise<void> {
  await new LiveView(options).run();
}

class LiveView {
  readonly #options: LiveOptions;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #screen: Screen;
  #state: TopState;
  #isStopped = false;
  #isAsking = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    const { address, sort, output, input } = options;
    this.#state = { address, sort, document: undefined, problem: undefined, scrolled: 0 };
    this.#screen = new Screen({
      output,
      input,
      onKey: (key) => this.#onKey(key),
      onResize: () => this.#draw(),
    });
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const document = await this.#ask();
    this.#state = { ...this.#state, document };
    signal.addEventListener("abort", () => this.#stop(), { once: true });
    if (signal.aborted) return;
    const timer = setInterval(() => void this.#refresh(), everyMs);
    this.#screen.open();
    try {
      this.#draw();
      await this.#stopped.promise;
    } finally {
      clearInterval(timer);
      this.#screen.close();
    }
  }

  #ask(): Promise<JsonObject> {
    const { sort } = this.#state;
    return this.#options.ask({
      sort,
      agents: String(agentsAsked),
      rules: "50",
      instructions: "50",
    });
  }

  /** Asks the node, unless a call is under way; what it showed before stays when it does not answer. */
  async #refresh(): Promise<void> {
    if (this.#isAsking || this.#isStopped) return;
    this.#isAsking = true;
    try {
      const document = await this.#ask();
      this.#state = { ...this.#state, document, problem: undefined };
    } catch (thrown) {
      const { code, message } = MyelinError.from(thrown);
      this.#state = { ...this.#state, problem: `${code}: ${message}` };
    }
    this.#isAsking = false;
    this.#draw();
  }

  #draw(): void {
    if (this.#isStopped) return;
    const { columns, rows } = this.#screen;
    const { hasColor, input } = this.#options;
    const view = { columns, rows, hasColor, hasKeys: input !== undefined };
    this.#screen.draw(render(this.#state, view));
  }

  #onKey(key: Key): void {
    if (key === "quit") this.#stop();
    else if (key === "sort") {
      const sort = sorts[(sorts.indexOf(this.#state.sort) + 1) % sorts.length] ?? "state";
      this.#state = { ...this.#state, sort, scrolled: 0 };
      void this.#refresh();
    } else this.#scroll(key);
    this.#draw();
  }

  #scroll(key: Exclude<Key, "quit" | "sort">): void {
    const page = Math.max(1, Math.floor(this.#screen.rows / 2));
    const by = { up: -1, down: 1, pageUp: -page, pageDown: page, home: -agentsAsked }[key];
    const scrolled = Math.min(agentsAsked, Math.max(0, this.#state.scrolled + by));
    this.#state = { ...this.#state, scrolled };
  }

  #stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve();
  }
}
