import assert from "node:assert/strict";
import { spawn } from "node:child_process";
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

test("a new agent joins its node, reports, and performs an action", async () => {
  const place = join(folder, "My First Agent");
  const made = await myelin(["init", "agent", "--lang", "ts", place]);
  assert.equal(made.code, 0, made.err);
  assert.match(
    made.out,
    /^agent my-first-agent is in .*\n\n {2}cd .*\n {2}npm install\n {2}npm start\n$/,
  );
  assert.deepEqual(readdirSync(place).toSorted(), ["README.md", "agent.ts", "package.json"]);
  const program = readFileSync(join(place, "agent.ts"), "utf8");
  assert.equal(program.trimEnd().split("\n").length, 10);

  const log = await createLog({ level: "error", isReadable: false });
  const node = await startNode({ port: 0, storage: "memory", log });
  const env = { MYELIN_URL: node.httpUrl };
  const child = spawn(process.execPath, ["agent.ts"], {
    cwd: place,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const isLive = new Promise<void>((resolve) => {
      child.stdout.on("data", (chunk) => String(chunk).includes("live") && resolve());
    });
    const ended = text(child.stdout);
    await isLive;
    const listed = await myelin(["agents"], env);
    assert.match(listed.out, /^my-first-agent +worker +live +app:live/m);
    const sent = await myelin(
      ["send", "greet", "--to", "my-first-agent", "--arg", "name=you", "--json"],
      env,
    );
    assert.equal(sent.code, 0, sent.out);
    assert.match(sent.out, /"greeting": "hello, you"/);
    child.kill("SIGTERM");
    assert.match(await ended, /closed/);
  } finally {
    child.kill("SIGKILL");
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
