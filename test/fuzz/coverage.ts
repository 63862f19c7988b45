/** Which of the node's code has run, character by character, by V8's own precise coverage. */
import { Session } from "node:inspector";
import { fileURLToPath } from "node:url";
import { relative } from "node:path";

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

export class Coverage {
  readonly #session = new Session();
  /** By script and function: which of its characters have run. */
  readonly #seen = new Map<string, Uint8Array>();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** How many functions of the node have run. */
  get functions(): number {
    return this.#seen.size;
  }

  /** Takes what has run since it was last asked; gives where code ran for the first time, undefined when nowhere. */
  take(): string | undefined {
    let place: string | undefined;
    // The callback is called before `post` returns.
    this.#session.post("Profiler.takePreciseCoverage", (error, taken) => {
      if (error !== null) throw error;
      for (const { url, functions } of taken.result) {
        if (!/\/packages\/(?:core|node)\/src\//.test(url)) continue;
        for (const { functionName, ranges } of functions) {
          const name = `${relative(root, fileURLToPath(url))} ${functionName}`;
          if (this.#note(`${url}:${ranges[0]?.startOffset}`, ranges)) place ??= name;
        }
      }
    });
    return place;
  }

  close(): void {
    this.#session.disconnect();
  }

  /** Notes the ranges of a function, the outer before the inner; true when some of it ran for the first time. */
  #note(key: string, ranges: readonly Range[]): boolean {
    const [whole] = ranges;
    if (whole === undefined || whole.count === 0) return false;
    const ran = new Uint8Array(whole.endOffset - whole.startOffset);
    for (const { startOffset, endOffset, count } of ranges)
      ran.fill(count > 0 ? 1 : 0, startOffset - whole.startOffset, endOffset - whole.startOffset);
    const seen = this.#seen.get(key);
    if (seen === undefined) {
      this.#seen.set(key, ran);
      return true;
    }
    let isNew = false;
    for (let at = 0; at < ran.length; at++) {
      if (ran[at] === 1 && seen[at] === 0) {
        seen[at] = 1;
        isNew = true;
      }
    }
    return isNew;
  }
}
