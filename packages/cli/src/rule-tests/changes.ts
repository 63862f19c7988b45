import { type FSWatcher, watch } from "node:fs";
import { dirname, resolve } from "node:path";

/** Editors write a file in several steps; what comes within so long is one change. */
const settleMs = 100;

/** Hears of changes of files. Their folders are watched, since editors put a new file in an old one's place. */
export class Changes implements Disposable {
  readonly #signal: AbortSignal;
  readonly #watchers: Map<string, FSWatcher> = new Map();
  #files: ReadonlySet<string> = new Set();
  #changed: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #settled: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** The files to hear of from now on. */
  of(files: readonly string[]): void {
    this.#files = new Set(files.map((file) => resolve(file)));
    for (const file of this.#files) {
      const folder = dirname(file);
      if (this.#watchers.has(folder)) continue;
      const watcher = this.#watch(folder);
      if (watcher !== undefined) this.#watchers.set(folder, watcher);
    }
  }

  /**
   * Resolves to the name of a file that has changed since the last call, when nothing more has happened for a moment; to
   * undefined when the signal aborts.
   */
  async next(): Promise<string | undefined> {
    while (!this.#signal.aborted) {
      const changed = this.#changed;
      if (changed !== undefined && this.#timer === undefined) {
        this.#changed = undefined;
        return changed;
      }
      await new Promise<void>((settled) => {
        this.#settled = settled;
        this.#signal.addEventListener("abort", () => settled(), { once: true });
      });
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  /** Undefined where there is no such folder. */
  #watch(folder: string): FSWatcher | undefined {
    try {
      return watch(folder, (_event, name) => this.#onChange(folder, name ?? ""));
    } catch {
      return undefined;
    }
  }

  #onChange(folder: string, name: string): void {
    if (!this.#files.has(resolve(folder, name))) return;
    this.#changed = name;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#settled();
    }, settleMs);
  }
}
