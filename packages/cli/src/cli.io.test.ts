// The command as a process, in what only a process shows.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startNode } from "@myelin/node";

const mainPath = fileURLToPath(new URL("./main.ts", import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command to its end; its standard input is a socket, as it is below another program. */
async function myelin(
  args: readonly string[],
  { input = "", env = {} }: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [mainPath, ...args], { env: { ...process.env, ...env } });
  child.stdin.end(input);
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, err };
}

test("rules are applied from standard input, whatever it is", async () => {
  const node = await startNode({ port: 0, storage: "memory" });
  try {
    const input = JSON.stringify({ rules: [{ name: "hot", expr: "cpu > 0.9", action: "cool" }] });
    const applied = await myelin(["rules", "apply", "-", "--url", node.httpUrl], { input });
    assert.deepEqual([applied.code, applied.out], [0, "rule hot created (version 1)\n"]);
  } finally {
    await node.close();
  }
});

test("a rule file that is not there is a wrong command, told on standard error with what to do", async () => {
  const { code, out, err } = await myelin(["rules", "apply", "no-such-file.yaml"]);
  assert.deepEqual([code, out], [2, ""]);
  assert.match(
    err,
    /^error INVALID_ARGUMENT: the file no-such-file\.yaml .*\n {2}Name a rule file/,
  );
});

test("an empty MYELIN_URL is as none", async () => {
  const { err } = await myelin(["agents"], { env: { MYELIN_URL: "" } });
  assert.doesNotMatch(err, /no address of a node/);
});

test("a command cannot join as the part of its supervisor", async () => {
  for (const part of ["supervisor", "not a part"]) {
    const { code, err } = await myelin(["run", "--id", "w1", "--part", part, "--", "true"]);
    assert.equal(code, 2);
    assert.match(err, /^error INVALID_ARGUMENT: .*\bpart\b/);
  }
});

test("a command is not started below an address that is none", async () => {
  const { code, out, err } = await myelin(["run", "--id", "w1", "--url", "foo", "--", "echo", "x"]);
  assert.deepEqual([code, out], [2, ""]);
  assert.match(err, /^error INVALID_ARGUMENT: "foo" is no address of a node\n {2}Write it like/);
});

test("an instruction to nobody, or with a number that nobody can hold, is not sent", async () => {
  const refused = async (...flags: string[]): Promise<string> => {
    const { code, err } = await myelin(["send", "restart", ...flags]);
    assert.equal(code, 2);
    return err;
  };
  assert.match(await refused(), /nobody is named .*\n {2}Give either --to ID .* or --where CEL/);
  assert.match(await refused("--to", "w1", "--where", "true"), /both .*\n {2}Give either --to ID/);
  const beyond = /argument cpu\.most is a number beyond the range of a double/;
  assert.match(await refused("--to", "w1", "--args", '{"cpu":{"most":1e400}}'), beyond);
  assert.match(await refused("--to", "w1", "--arg", 'cpu={"most":-1e400}'), beyond);
});

test("a certificate and its key are given together, or the command is wrong", async () => {
  const send = ["send", "cool", "--to", "w1", "--url", "https://127.0.0.1:1"];
  const outcomes = await Promise.all([
    myelin([...send, "--key", "cool.key"]),
    myelin([...send, "--cert", "cool.crt"]),
    myelin(["agents"], { env: { MYELIN_KEY: "cool.key" } }),
    myelin(["run", "--id", "w1", "--cert", "cool.crt", "--", "echo", "begun"]),
  ]);
  for (const { code, out, err } of outcomes) {
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, /^error INVALID_ARGUMENT: a .* without its .*\n {2}Give both files: --cert/);
  }
});

test("an older Node.js is told what it takes, and loads nothing else", async () => {
  const versions = '{ ...process.versions, node: "20.11.0" }';
  const older = `Object.defineProperty(process, "versions", { value: ${versions} });`;
  const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(older)}`;
  const { code, out, err } = await myelin(["--version"], { env: { NODE_OPTIONS } });
  assert.deepEqual([code, out], [2, ""]);
  assert.equal(
    err,
    "error UNSUPPORTED_PLATFORM: this is Node.js 20.11.0\n  Install Node.js 24 or newer, and run myelin with it.\n",
  );
});
