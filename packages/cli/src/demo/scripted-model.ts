/** What a model answers: a tool to call, and the tokens that it took. */
export interface ModelReply {
  readonly tool: "list_files" | "read_file" | "search";
  readonly args: Readonly<Record<string, string | number>>;
  readonly tokens: number;
}

const wordCount = 7;

/**
 * Stands for a language model, without a network: it plans to look at one file after another, and from some time on asks
 * for the same search over and over, as models do that take an empty result for a failure.
 */
export class ScriptedModel {
  readonly #loopsAfterMs: number;
  #calls = 0;
  #isInterrupted = false;

  constructor(loopsAfterMs: number) {
    this.#loopsAfterMs = loopsAfterMs;
  }

  /** The answer `elapsedMs` after the beginning, to what the last tool has found. */
  next(elapsedMs: number, foundLength: number): ModelReply {
    const call = this.#calls++;
    const tokens = 250 + Math.min(250, Math.round(foundLength / 4));
    if (elapsedMs >= this.#loopsAfterMs && !this.#isInterrupted)
      return { tool: "search", args: { text: "the answer" }, tokens };
    if (call % wordCount === 0) return { tool: "list_files", args: { page: call }, tokens };
    return { tool: "read_file", args: { number: call }, tokens };
  }

  /** It is told to leave off what it does, and goes on with something else. */
  interrupt(): void {
    this.#isInterrupted = true;
  }
}
