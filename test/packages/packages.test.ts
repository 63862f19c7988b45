// The packages as their users get them: packed, checked, and installed into an empty project.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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

/** Runs a command to its end, with the project's Node first on the PATH and nothing of npm's. */
function run(command: string, args: readonly string[], folder: string): Promise<Result> {
  const inherited = Object.entries(process.env).filter(([name]) => !steering.test(name));
  const env = {
    ...Object.fromEntries(inherited),
    PATH: `${binaries}:${process.env.PATH ?? ""}`,
  };
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
      const options = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
      const files = names.map((name) => join(tarballs, name));
      await runOrFail("npm", ["install", ...options, ...files], project);
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
