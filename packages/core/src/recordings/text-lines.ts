/** A line, or a record over several lines, that is longer is refused, so that no text is held whole. */
export const maxLineLength = 1_048_576;

/** Takes what {@link TextLines} finds. */
export interface LineTaker {
  /** A line without its end; `number` is 1-based. */
  line(text: string, number: number): void;
  /** A line that is longer than {@link maxLineLength}: it is passed over. */
  tooLong(number: number): void;
  /** Bytes that are no UTF-8, somewhere from this line on. */
  notText(number: number): void;
}

/** Cuts bytes that come in pieces into lines of text; `\n` and `\r\n` end them. */
export class TextLines {
  readonly #taker: LineTaker;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #rest = "";
  #number = 0;
  #isPassing = false;
  #isBroken = false;

  constructor(taker: LineTaker) {
    this.#taker = taker;
  }

  /** Lines so far, an unfinished one not counted. */
  get count(): number {
    return this.#number;
  }

  push(bytes: Uint8Array): void {
    this.#take(this.#decode(bytes));
  }

  end(): void {
    this.#take(this.#decode(undefined));
    if (this.#rest !== "" && !this.#isPassing) this.#give(this.#rest);
    this.#rest = "";
  }

  #decode(bytes: Uint8Array | undefined): string {
    if (this.#isBroken) return "";
    try {
      return bytes === undefined
        ? this.#decoder.decode()
        : this.#decoder.decode(bytes, { stream: true });
    } catch {
      this.#isBroken = true;
      this.#rest = "";
      this.#taker.notText(this.#number + 1);
      return "";
    }
  }

  #take(text: string): void {
    let from = 0;
    for (let to = text.indexOf("\n"); to >= 0; to = text.indexOf("\n", from)) {
      const line = this.#rest === "" ? text.slice(from, to) : this.#rest + text.slice(from, to);
      this.#rest = "";
      from = to + 1;
      if (this.#isPassing) this.#isPassing = false;
      else this.#give(line.endsWith("\r") ? line.slice(0, -1) : line);
    }
    if (this.#isPassing || from === text.length) return;
    this.#rest += text.slice(from);
    if (this.#rest.length <= maxLineLength) return;
    this.#give(this.#rest);
    this.#rest = "";
    this.#isPassing = true;
  }

  #give(line: string): void {
    this.#number += 1;
    if (line.length > maxLineLength) this.#taker.tooLong(this.#number);
    else this.#taker.line(line, this.#number);
  }
}
