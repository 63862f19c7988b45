import { createHash } from "node:crypto";

/** What happened in a run, line by line, in the order it happened; the same for the same seed. */
export class Trace {
  readonly lines: string[] = [];
  readonly #nowUs: () => number;
  readonly #startUs: number;
  readonly #isKept: boolean;
  readonly #hash = createHash("sha256");

  /** `nowUs` is true time. Without `isKept` only the digest is made. */
  constructor(nowUs: () => number, isKept: boolean) {
    this.#nowUs = nowUs;
    this.#startUs = nowUs();
    this.#isKept = isKept;
  }

  /** True time since the run began, for people to read. */
  get at(): string {
    return `+${((this.#nowUs() - this.#startUs) / 1e6).toFixed(6)}`;
  }

  /** Notes that something happened to `who`. */
  note(who: string, what: string): void {
    const line = `${this.at} ${who}: ${what}`;
    this.#hash.update(line).update("\n");
    if (this.#isKept) this.lines.push(line);
  }

  /** A digest of all lines; ends the trace. */
  digest(): string {
    return this.#hash.digest("hex");
  }
}
