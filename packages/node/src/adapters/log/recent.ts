import { type Logger, symbols } from "pino";

const maxLines = 1000;
const maxLineLength = 4096;

/** Where a log's lines go. */
interface Sink {
  write(line: string): unknown;
  flush?(done?: (error?: Error) => void): void;
  flushSync?(): void;
}

/** Hands a log's lines on, and keeps the latest: 1,000 at the most, long ones cut. */
export class KeepingSink implements Sink {
  readonly #sink: Sink;
  readonly #lines: string[] = [];
  #next = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(line: string): void {
    this.#lines[this.#next] = line.length > maxLineLength ? line.slice(0, maxLineLength) : line;
    this.#next = (this.#next + 1) % maxLines;
    this.#sink.write(line);
  }

  flush(done?: (error?: Error) => void): void {
    if (this.#sink.flush === undefined) done?.();
    else this.#sink.flush(done);
  }

  flushSync(): void {
    this.#sink.flushSync?.();
  }

  /** The latest lines, oldest first. */
  lines(): string[] {
    const ordered = [...this.#lines.slice(this.#next), ...this.#lines.slice(0, this.#next)];
    return ordered.map((line) => line.trimEnd());
  }
}

/** The latest lines of a log that `createLog` made, oldest first; none of another. */
export function recentLines(log: Logger): readonly string[] {
  const stream: unknown = Reflect.get(log, symbols.streamSym);
  return stream instanceof KeepingSink ? stream.lines() : [];
}
