import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createLog, startNode } from "@myelin/node";
import { exitCodes } from "../exit-codes.ts";
import { myelin } from "./test-support.ts";

// Below the repository, where a program finds the SDK.
const build = fileURLToPath(new URL("../../../../.build", import.meta.url));
mkdirSync(build, { recursive: true });
const folder = mkdtempSync(join(build, "init-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface StartedAgent {
  readonly child: ChildProcess;
  /** All that it printed on standard error. */
  readonly err: Promise<string>;
  /** Resolves when standard output has this. */
  readonly has: (what: string) => Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

function startAgent(place: string, env: Readonly<Record<string, string>>): StartedAgent {
  const child = spawn(process.execPath, ["agent.ts"], {
    cwd: place,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  after(() => child.kill("SIGKILL"));
  let out = "";
  const looks = new Set<() => void>();
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
    for (const look of looks) look();
  });
  const has = (what: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (out.includes(what)) resolve();
      };
      looks.add(look);
      look();
      child.stdout.once("end", () => reject(new Error(`it ended with ${out}`)));
    });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  return { child, err: text(child.stderr), has, ended };
}

test("a new agent joins its node, reports, and performs an action", async () => {
  const place = join(folder, "My First Agent");
  const made = await myelin(["init", "agent", "--lang", "ts", place]);
  assert.equal(made.code, 0, made.err);
  assert.match(
    made.out,
    /^agent my-first-agent is in .*\n\n {2}cd '.*My First Agent'\n {2}npm install\n {2}npm start\n$/,
  );
  assert.deepEqual(readdirSync(place).toSorted(), ["README.md", "agent.ts", "package.json"]);
  const program = readFileSync(join(place, "agent.ts"), "utf8");
  assert.equal(program.trimEnd().split("\n").length, 10);

  const log = await createLog({ level: "error", isReadable: false });
  const node = await startNode({ port: 0, storage: "memory", log });
  const env = { MYELIN_URL: node.httpUrl };
  const { child, has, ended } = startAgent(place, env);
  try {
    await has("live");
    const listed = await myelin(["agents"], env);
    assert.match(listed.out, /^my-first-agent +worker +live +app:live/m);
    const sent = await myelin(
      ["send", "greet", "--to", "my-first-agent", "--arg", "name=you", "--json"],
      env,
    );
    assert.equal(sent.code, 0, sent.out);
    assert.match(sent.out, /"greeting": "hello, you"/);
    child.kill("SIGTERM");
    await has("closed");
    assert.deepEqual(await ended, { code: 0, signal: null });
  } finally {
    child.kill("SIGKILL");
    await node.close();
  }
});

test("a new agent says why it waits, and ends well when it is told to while no node is there", async () => {
  const place = join(folder, "alone");
  assert.equal((await myelin(["init", "agent", place])).code, 0);
  const { child, err, has, ended } = startAgent(place, { MYELIN_URL: "ws://127.0.0.1:9" });
  await has("waiting: ws://127.0.0.1:9: ");
  child.kill("SIGTERM");
  assert.deepEqual(await ended, { code: 0, signal: null });
  assert.equal(await err, "");
});

test("a new agent that its node does not admit says so, and fails", async () => {
  const place = join(folder, "stranger");
  assert.equal((await myelin(["init", "agent", place])).code, 0);
  const log = await createLog({ level: "error", isReadable: false });
  const node = await startNode({ port: 0, storage: "memory", token: "s3cret", log });
  try {
    const env = { MYELIN_URL: node.httpUrl, MYELIN_TOKEN: "no" };
    const { err, has, ended } = startAgent(place, env);
    await has("closed: the token is not valid here");
    assert.deepEqual(await ended, { code: 1, signal: null });
    assert.equal(await err, "");
  } finally {
    await node.close();
  }
});

test("nothing is overwritten, and nothing written beside what is there", async () => {
  const place = join(folder, "full");
  mkdirSync(place);
  writeFileSync(join(place, "package.json"), "{}");
  const { code, err } = await myelin(["init", "agent", place]);
  assert.equal(code, exitCodes.failure);
  assert.match(err, /ALREADY_EXISTS: .* has package\.json already\n {2}Name another folder/);
  assert.deepEqual(readdirSync(place), ["package.json"]);
  assert.equal(readFileSync(join(place, "package.json"), "utf8"), "{}");
});

test("a language that there is none for, and a folder that cannot be, are told", async () => {
  assert.equal((await myelin(["init", "agent", "--lang", "cobol"])).code, exitCodes.usage);
  const file = join(folder, "file");
  writeFileSync(file, "");
  const { code, err } = await myelin(["init", "agent", join(file, "below")]);
  assert.equal(code, exitCodes.unavailable);
  assert.match(err, /^error STORAGE_UNAVAILABLE: .*\n {2}Name a folder/);
});
