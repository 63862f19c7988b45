import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { InstructionDocument } from "@myelin/core/instruction";

/** The command's entry, run from source. */
export const mainPath: string = fileURLToPath(
  new URL("../../../packages/cli/src/main.ts", import.meta.url),
);

/** An answer of the HTTP API. */
export interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into documents of every shape
  readonly body: any;
}

/** What `myelin up` prints when it serves. */
interface Announced {
  readonly url: string;
  readonly http: string;
  readonly unix?: string;
}

/** What it is started in: variables besides this process's, and whether its log is to be read. */
interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly stderr?: "inherit" | "pipe";
}

/** A node in a process of its own, as `myelin up` starts it. */
export class NodeProcess implements AsyncDisposable {
  readonly url: string;
  readonly http: string;
  /** Address of its Unix socket, where `--unix` asked for one. */
  readonly unix: string | undefined;
  readonly child: ChildProcess;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(child: ChildProcess, { url, http, unix }: Announced, token: string) {
    this.child = child;
    this.#headers = token === "" ? {} : { authorization: `Bearer ${token}` };
    this.url = url;
    this.http = http;
    this.unix = unix;
  }

  /** Starts one and waits until it serves. `args` are those of `myelin up`. */
  static async start(
    dataDirectory: string,
    args: readonly string[] = [],
    { env, stderr = "inherit" }: Surroundings = {},
  ): Promise<NodeProcess> {
    const given = args.includes("--port") ? args : ["--port", "0", ...args];
    const level = args.includes("--log-level") ? [] : ["--log-level", "error"];
    const child = spawn(
      process.execPath,
      [mainPath, "up", "--data", dataDirectory, ...level, ...given],
      {
        stdio: ["ignore", "pipe", stderr],
        env: { ...process.env, ...env },
      },
    );
    if (child.stdout === null) throw new Error("it has no output");
    const line = once(createInterface({ input: child.stdout }), "line").then(([text]) =>
      String(text),
    );
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`myelin up ended with ${String(code)}`);
    });
    const announced = JSON.parse(await Promise.race([line, ended])) as Announced;
    ended.catch(() => undefined);
    const token = args.includes("--token") ? (args[args.indexOf("--token") + 1] ?? "") : "";
    return new NodeProcess(child, announced, token);
  }

  /** Port it listens on. */
  get port(): number {
    return Number(new URL(this.http).port);
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(new URL(path, this.http), {
      method,
      headers: this.#headers,
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  get(path: string): Promise<Answer> {
    return this.call("GET", path);
  }

  /** Applies rules; fails the test when they are refused. */
  async applyRules(rules: readonly unknown[]): Promise<void> {
    const answer = await this.call("POST", "/api/v1/rules", { rules });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  }

  send(order: Readonly<Record<string, unknown>>): Promise<Answer> {
    return this.call("POST", "/api/v1/instructions", order);
  }

  async instructions(query = ""): Promise<InstructionDocument[]> {
    const { body } = await this.get(`/api/v1/instructions?limit=1000&${query}`);
    return body.instructions;
  }

  /** Ends it by a signal; resolves to its exit code, null when the signal killed it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exited = once(this.child, "exit");
    this.child.kill(signal);
    const [code] = await exited;
    return code as number | null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}

/** A directory that goes with the test. */
export async function temporaryDirectory(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "myelin-test-"));
  return {
    path,
    [Symbol.asyncDispose]: async () =>
      await rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}
