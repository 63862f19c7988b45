import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const programPath = fileURLToPath(new URL("./crowd-program.ts", import.meta.url));
const lineForm = /^begun (\d+) (\S+) (\S+) (\S+)$/;

/** The beginning of an instruction at an agent. */
export interface Begun {
  /** Which life of the process it was: the incarnation of each of its agents. */
  readonly life: number;
  readonly agent: string;
  readonly id: string;
  readonly action: string;
}

/** Agents of one process, which is killed and started again by whoever has it. */
export class Crowd implements AsyncDisposable {
  readonly names: readonly string[];
  readonly #url: string;
  readonly #path: string;
  #child: ChildProcess | undefined;
  #lives = 0;

  private constructor(url: string, path: string, names: readonly string[]) {
    this.#url = url;
    this.#path = path;
    this.names = names;
  }

  /** Starts agents which write what they begin to a file; resolves when all are attached. */
  static async start(url: string, path: string, count: number): Promise<Crowd> {
    writeFileSync(path, "");
    const names = Array.from({ length: count }, (_, index) => `c${index}`);
    const crowd = new Crowd(url, path, names);
    const child = crowd.begin();
    await once(child, "message");
    return crowd;
  }

  /** How often it was started. */
  get lives(): number {
    return this.#lives;
  }

  /** Starts the process; its agents attach as soon as the node lets them. */
  begin(): ChildProcess {
    this.#lives += 1;
    const words = [this.#url, this.#path, String(this.#lives), this.names.join(",")];
    this.#child = fork(programPath, words, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    return this.#child;
  }

  /** Kills it without a word, as a machine that loses its power. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** Everything that its lives have begun, in order. */
  begun(): Begun[] {
    const lines = readFileSync(this.#path, "utf8").split("\n");
    return lines.flatMap((line) => {
      const [, life, agent = "", id = "", action = ""] = lineForm.exec(line) ?? [];
      return life === undefined ? [] : [{ life: Number(life), agent, id, action }];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
