// The packages as their users get them: packed, checked, and installed into an empty project.
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { on, once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly version: string;
};
const binaries = join(root, "node_modules", ".bin");

interface Result {
  readonly code: number;
  readonly output: string;
}

/** What the test runner and npm tell their children, and what a user's shell does not have. */
const steering =
  /^(node_(env|options|test_context)|npm_(?!config_(registry|cafile|cache|userconfig|.*proxy)$).*)$/i;

const installing = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];

/** The project's Node first on the PATH, and nothing of npm's. */
function environment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !steering.test(name));
  return { ...Object.fromEntries(inherited), PATH: `${binaries}:${process.env.PATH ?? ""}` };
}

/** A command that goes on until the test has ended, with all it has started. */
class Running implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#lines = lines;
  }

  static start(
    command: string,
    args: readonly string[],
    { folder, env }: { readonly folder: string; readonly env: NodeJS.ProcessEnv },
  ): Running {
    const child = spawn(command, args, {
      cwd: folder,
      env: { ...environment(), ...env },
      // A group of its own: npm does not hand on every signal to what it starts.
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
    });
    return new Running(child, createInterface({ input: child.stdout }));
  }

  /** The next line that matches; rejects when there is none. */
  async line(form: RegExp): Promise<string> {
    for await (const [line] of on(this.#lines, "line", { close: ["close"] }))
      if (form.test(String(line))) return String(line);
    throw new Error(`it ended without a line like ${form.source}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const exited = once(this.#child, "exit");
    process.kill(-pid, "SIGTERM");
    await exited;
  }
}

/** Runs a command to its end. */
function run(command: string, args: readonly string[], folder: string): Promise<Result> {
  const env = environment();
  return new Promise((resolve) => {
    execFile(command, args, { cwd: folder, env }, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : error === null ? 0 : 1;
      resolve({ code, output: `${stdout}${stderr}${error === null ? "" : error.message}` });
    });
  });
}

async function runOrFail(
  command: string,
  args: readonly string[],
  folder: string,
): Promise<string> {
  const { code, output } = await run(command, args, folder);
  assert.equal(code, 0, `${command} ${args.join(" ")}\n${output}`);
  return output;
}

const program = `
import { connect } from "@myelin/agent";
import { startNode } from "@myelin/node";

const node = await startNode({ port: 0, dataDirectory: process.argv[2] });
const agent = await connect({ url: node.url, id: "a1", type: "worker" });
agent.report({ cpu_usage: 0.5 });
await agent.close();
await node.close();
const closedAt = performance.now();
process.on("exit", () => console.log("lingered", Math.round(performance.now() - closedAt), "ms"));
`;

const typedProgram = `
import { type Agent, connect } from "@myelin/agent";
import { MyelinError } from "@myelin/core/errors";
import { startNode } from "@myelin/node";

const node = await startNode({ port: 0, dataDirectory: "data" });
const agent: Agent = await connect({ url: node.url, id: "a1", type: "worker" });
agent.report({ cpu_usage: 0.5 });
// @ts-expect-error a metric is a number
agent.report({ cpu_usage: "high" });
export const error: MyelinError = MyelinError.from("x");
await agent.close();
await node.close();
`;

suite("the published packages", () => {
  const out = join(".build", `packages-test-${process.pid}`);
  const folder = join(root, out);
  const tarballs = join(folder, "tarballs");
  const project = mkdtempSync(join(tmpdir(), "myelin-project-"));
  let names: readonly string[] = [];

  before(async () => {
    await runOrFail("node", ["tools/pack.mjs", "--out", out], root);
    names = readdirSync(tarballs);
  });

  after(() => {
    rmSync(folder, { recursive: true, force: true });
    rmSync(project, { recursive: true, force: true });
  });

  test("are packed, each into a tarball", () => {
    assert.deepEqual(names.toSorted(), [
      `myelin-${version}.tgz`,
      `myelin-agent-${version}.tgz`,
      `myelin-core-${version}.tgz`,
      `myelin-node-${version}.tgz`,
    ]);
  });

  test("satisfy publint", async () => {
    for (const name of names) {
      await runOrFail("publint", ["run", join(tarballs, name), "--strict"], root);
    }
  });

  test("have types that resolve", async () => {
    for (const name of names) {
      if (name === `myelin-${version}.tgz`) continue;
      await runOrFail("attw", [join(tarballs, name), "--profile", "esm-only"], root);
    }
  });

  suite("installed into an empty project", () => {
    before(async () => {
      writeFileSync(join(project, "package.json"), `{ "name": "project", "type": "module" }`);
      const files = names.map((name) => join(tarballs, name));
      await runOrFail("npm", ["install", ...installing, ...files], project);
    });

    test("bring a command that explains itself", async () => {
      const output = await runOrFail("npx", ["--no-install", "myelin", "--help"], project);
      assert.match(output, /myelin/);
      assert.match(output, /agents/);
    });

    test("bring a command that tells its version", async () => {
      const output = await runOrFail("npx", ["--no-install", "myelin", "--version"], project);
      assert.ok(output.includes(version), output);
    });

    test("start a node inside a program, and an agent that joins it", async () => {
      writeFileSync(join(project, "program.mjs"), program);
      const output = await runOrFail("node", ["program.mjs", join(project, "data")], project);
      const lingeredMs = Number(/^lingered (\d+) ms$/m.exec(output)?.[1]);
      assert.ok(lingeredMs < 2000, `something outlives close(): ${output}`);
    });

    test("bring the demo with its processes and its rules", async () => {
      const demo = ["--no-install", "myelin", "demo", "--seconds", "11", "--port", "0", "--json"];
      const output = await runOrFail("npx", demo, project);
      const lines = output.split("\n").filter((line) => line.startsWith('{"summary"'));
      const { summary } = JSON.parse(lines[0] ?? "{}") as {
        readonly summary?: { readonly caught: Readonly<Record<string, readonly string[]>> };
      };
      const caught = Object.keys(summary?.caught ?? {}).toSorted();
      assert.deepEqual(caught, ["blocker", "leaker", "spinner", "thinker"], output);
    });

    test("bring packs of rules, whose tests pass", async () => {
      const rules = "npx --no-install myelin rules";
      const script = `${rules} packs $1 > $1.yaml && ${rules} packs $1 --tests > $1.test.yaml && ${rules} test $1.test.yaml`;
      for (const pack of ["process", "llm"]) {
        const output = await runOrFail("sh", ["-c", script, "sh", pack], project);
        assert.match(output, /^\d+ tests: \d+ passed$/m);
      }
    });

    test("bring a node that serves, and an agent that is begun, installed and joins it", async () => {
      await using up = Running.start(
        "npx",
        ["--no-install", "myelin", "up", "--port", "0", "--log-level", "warn"],
        {
          folder: project,
          env: { MYELIN_DATA: join(project, "data-of-up") },
        },
      );
      const { http } = JSON.parse(await up.line(/^\{/)) as { readonly http: string };
      const myelin = (...args: readonly string[]): Promise<string> =>
        runOrFail("npx", ["--no-install", "myelin", ...args], project);
      await myelin("init", "agent", "--lang", "ts", "greeter");
      const begun = join(project, "greeter");
      const sdk = names.filter((name) => /^myelin-(agent|core)-/.test(name));
      const files = sdk.map((name) => join(tarballs, name));
      await runOrFail("npm", ["install", ...installing, ...files], begun);
      await using agent = Running.start("npm", ["start"], {
        folder: begun,
        env: { MYELIN_URL: http },
      });
      await agent.line(/^live$/);
      assert.match(await myelin("agents", "--url", http), /^greeter +worker +live +app:live/m);
      const sent = ["send", "greet", "--to", "greeter", "--url", http, "--json"];
      assert.match(await myelin(...sent), /hello, world/);
    });

    test("bring a command that reads a configuration and rules, and writes and restores a backup", async () => {
      const file = (name: string): string => join(project, name);
      writeFileSync(file("node.yaml"), "port: 0\nnode:\n  id: edge-9\ndata: ./data-of-file\n");
      writeFileSync(file("rules.yaml"), "rules: [{ name: hot, expr: cpu > 0.9, action: cool }]\n");
      const configured = ["--config", file("node.yaml")];
      const myelin = (...args: readonly string[]): Promise<string> =>
        runOrFail("npx", ["--no-install", "myelin", ...args], project);
      assert.match(await myelin("config", ...configured), /^node\.id +edge-9 +\S*node\.yaml:3$/m);
      const up = ["--no-install", "myelin", "up", "--log-level", "warn", ...configured];
      await using node = Running.start("npx", up, { folder: project, env: {} });
      const { http } = JSON.parse(await node.line(/^\{/)) as { readonly http: string };
      const url = ["--url", http];
      assert.match(await myelin("rules", "apply", "rules.yaml", ...url), /^rule hot created/m);
      assert.match(await myelin("rules", "show", "hot", ...url), /^name: hot$/m);
      const metrics = await (await fetch(new URL("/metrics", http))).text();
      assert.match(metrics, /^myelin_rules 1$/m);
      assert.match(await myelin("backup", "backup.tar", ...url), /is whole/);
      await myelin("restore", "backup.tar", "--data", file("restored"));
      const doctor = ["--no-install", "myelin", "doctor", "--port", "0", ...configured, ...url];
      const { output } = await run("npx", doctor, project);
      assert.match(output, /Node\.js/);
      assert.doesNotMatch(output, /INTERNAL/);
    });

    test("have types that a strict program compiles against", async () => {
      const checked = join(project, "checked");
      mkdirSync(checked);
      writeFileSync(join(checked, "program.ts"), typedProgram);
      const options = ["--noEmit", "--strict", "--target", "esnext"];
      const types = ["--types", "node", "--typeRoots", join(root, "node_modules", "@types")];
      for (const resolution of [
        ["--module", "nodenext"],
        ["--module", "esnext", "--moduleResolution", "bundler"],
      ]) {
        const args = [...options, ...resolution, ...types, join(checked, "program.ts")];
        await runOrFail("tsc", args, checked);
      }
    });
  });
});
