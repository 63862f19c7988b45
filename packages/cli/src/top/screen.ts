/**
 * The whole terminal as one picture.
 *
 * Invariants
 * 1. What it changes about the terminal is undone once, however the process ends, SIGKILL aside.
 * 2. A picture appears at once: it is written as one synchronized update, over the former one.
 */
import type { ReadStream, WriteStream } from "node:tty";
import process from "node:process";
import { type Key, keysOf } from "./keys.ts";

const begin = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J";
const end = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const beginUpdate = "\u001b[?2026h\u001b[H";
const endUpdate = "\u001b[J\u001b[?2026l";

export interface ScreenOptions {
  readonly output: WriteStream;
  /** Where keys come from; without, none are heard. */
  readonly input: ReadStream | undefined;
  readonly onKey: (key: Key) => void;
  /** The terminal has another size: what is shown must be drawn anew. */
  readonly onResize: () => void;
}

export class Screen {
  readonly #options: ScreenOptions;
  readonly #restore = (): void => this.close();
  readonly #onData = (bytes: Buffer): void => {
    for (const key of keysOf(bytes.toString("latin1"))) this.#options.onKey(key);
  };
  #isOpen = false;

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  get columns(): number {
    return this.#options.output.columns || 80;
  }

  get rows(): number {
    return this.#options.output.rows || 24;
  }

  open(): void {
    const { output, input, onResize } = this.#options;
    this.#isOpen = true;
    process.on("exit", this.#restore);
    process.on("uncaughtExceptionMonitor", this.#restore);
    output.write(begin);
    output.on("resize", onResize);
    if (input === undefined) return;
    input.setRawMode(true);
    input.on("data", this.#onData);
    input.resume();
  }

  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const text = lines.map((line) => `${line}\u001b[K`).join("\r\n");
    this.#options.output.write(`${beginUpdate}${text}${endUpdate}`);
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { output, input, onResize } = this.#options;
    output.write(end);
    output.off("resize", onResize);
    process.off("exit", this.#restore);
    process.off("uncaughtExceptionMonitor", this.#restore);
    if (input === undefined) return;
    input.off("data", this.#onData);
    input.setRawMode(false);
    input.pause();
  }
}
