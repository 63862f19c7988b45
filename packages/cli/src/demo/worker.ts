/**
 * A worker of the demo, a program of its own: hashes the files of a folder, over and over, at a
 * moderate load, and says how far it is. Under `myelin run` it finds its node and its name in the environment.
 *
 *     node worker.ts [--folder DIR] [--load 0.08] [--misbehave spin|leak|block --after SECONDS]
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect } from "@myelin/agent";
import { filesBelow } from "./files.ts";
import { isMisbehaviour, misbehave, misbehaviours } from "./misbehave.ts";

const { values } = parseArgs({
  options: {
    folder: { type: "string", default: process.cwd() },
    load: { type: "string", default: "0.08" },
    misbehave: { type: "string" },
    after: { type: "string", default: "3" },
  },
});

const load = Math.min(1, Math.max(0.01, Number(values.load) || 0.08));
/** Longest rest after one file, so that a slow one does not stop the reports. */
const longestRestMs = 500;
const reportIntervalMs = 200;
const mostFiles = 2_000;

const agent = await connect();
const how = values.misbehave;
if (how !== undefined) {
  if (!isMisbehaviour(how))
    throw new Error(`--misbehave takes ${misbehaviours.join(", ")}, not ${how}`);
  setTimeout(() => misbehave(how), Number(values.after) * 1000);
}

let filesHashed = 0;
let bytesHashed = 0;
let reportedAtMs = 0;

for (let pass = 1; ; pass++) {
  const files = filesBelow(values.folder, mostFiles);
  agent.state.patch({ folder: values.folder, pass, files: files.length });
  for (const [done, path] of files.entries()) {
    const beganMs = performance.now();
    await hash(path);
    report((done + 1) / files.length);
    const workedMs = performance.now() - beganMs;
    await delay(Math.min(longestRestMs, (workedMs * (1 - load)) / load));
  }
  await delay(reportIntervalMs);
}

async function hash(path: string): Promise<void> {
  const content = await readFile(path).catch(() => undefined);
  if (content === undefined) return;
  createHash("sha256").update(content).digest();
  filesHashed++;
  bytesHashed += content.length;
}

function report(progress: number): void {
  const nowMs = performance.now();
  if (nowMs - reportedAtMs < reportIntervalMs) return;
  reportedAtMs = nowMs;
  agent.report({ files_hashed: filesHashed, bytes_hashed: bytesHashed, progress });
}
