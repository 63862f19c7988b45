/**
 * How fast acceptances reach the disk, one at a time and 64 in flight, and ledger entries behind them.
 * Beside it the raw disk, in alternating slices of the same run: append 400 bytes, fdatasync.
 *
 *     node bench/micro/store.ts [--seconds N] [--directory D]
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openSqliteStore } from "../../packages/node/src/adapters/sqlite-store/index.ts";
import type { InstructionRecord, LedgerEntry } from "../../packages/node/src/ports/store.ts";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    directory: { type: "string", default: tmpdir() },
  },
});
const slicesOfEach = 5;
const loads = 4;
const sliceMs = (Number(options.seconds) * 1000) / (slicesOfEach * loads);
const recordBytes = 400;
const entriesAtOnce = 10_000;

interface Load {
  readonly name: string;
  /** Works for `durationMs`; resolves to microseconds per piece of work. */
  run(durationMs: number): Promise<number>;
}

const directory = mkdtempSync(join(options.directory, "myelin-bench-"));
const store = await openSqliteStore({ directory: join(directory, "data") });
const raw = openSync(join(directory, "raw"), "a");
let count = 0;

function instruction(): InstructionRecord {
  const nowUs = Date.now() * 1000;
  return {
    id: `i${count++}`,
    batch: "b",
    agent: "worker-17",
    action: "restart",
    args: { reason: "cpu_usage was 0.97 for 10 s", grace: 2.5 },
    priority: 5,
    actor: "token:ops",
    createdAtUs: nowUs,
    deadlineUs: nowUs + 10e6,
    timeoutUs: 5e6,
    status: "accepted",
    isDurable: true,
  };
}

function entry(): LedgerEntry {
  const at = new Date().toISOString();
  return {
    document: {
      id: `e${count++}`,
      agent: `worker-${count % 1000}`,
      part: "app",
      rule: `rule-${count % 20}`,
      ruleVersion: 1,
      action: "restart",
      args: { reason: "cpu_usage was 0.97 for 10 s", grace: 2.5 },
      priority: 5,
      status: "executed",
      createdAt: at,
      deadline: at,
      endedAt: at,
      attempt: 1,
      actor: "rule:rule",
      stagesUs: {
        collect: 51.2,
        ingest: 3.1,
        compute: 1.2,
        rule: 0.8,
        dispatch: 42.1,
        execute: 88,
      },
      totalUs: 186.4,
      withinSla: true,
    },
    nodeUs: 9.5,
  };
}

/** Works until the time is over; resolves to microseconds per piece. */
async function pace(
  durationMs: number,
  pieces: number,
  work: () => Promise<unknown> | void,
): Promise<number> {
  const startedMs = performance.now();
  let done = 0;
  let nowMs = startedMs;
  while (nowMs - startedMs < durationMs) {
    await work();
    done += pieces;
    nowMs = performance.now();
  }
  return ((nowMs - startedMs) * 1000) / done;
}

async function acceptUntil(endMs: number): Promise<number> {
  let done = 0;
  while (performance.now() < endMs) {
    await store.acceptInstructions([instruction()]);
    done += 1;
  }
  return done;
}

async function acceptAtOnce(durationMs: number, inFlight: number): Promise<number> {
  const startedMs = performance.now();
  const writers = Array.from({ length: inFlight }, () => acceptUntil(startedMs + durationMs));
  const done = (await Promise.all(writers)).reduce((sum, each) => sum + each, 0);
  return ((performance.now() - startedMs) * 1000) / done;
}

const record = Buffer.alloc(recordBytes, "x");
const floor: Load = {
  name: "raw append + fdatasync",
  run: (durationMs) =>
    pace(durationMs, 1, () => {
      writeSync(raw, record);
      fdatasyncSync(raw);
    }),
};
const measured: readonly Load[] = [
  { name: "accept, one at a time", run: (durationMs) => acceptAtOnce(durationMs, 1) },
  { name: "accept, 64 in flight", run: (durationMs) => acceptAtOnce(durationMs, 64) },
  {
    name: "ledger, written behind",
    run: (durationMs) =>
      pace(durationMs, entriesAtOnce, () =>
        store.appendLedger(Array.from({ length: entriesAtOnce }, entry)),
      ),
  },
];

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}

const figures = new Map<string, number[]>([floor, ...measured].map(({ name }) => [name, []]));
for (let slice = 0; slice < slicesOfEach; slice++) {
  for (const load of [floor, ...measured]) figures.get(load.name)?.push(await load.run(sliceMs));
}
const floorUs = median(figures.get(floor.name) ?? []);
for (const [name, valuesUs] of figures) {
  const eachUs = median(valuesUs);
  console.log(
    `${name.padEnd(28)} ${eachUs.toFixed(1).padStart(8)} us each ${Math.round(1e6 / eachUs)
      .toLocaleString("en")
      .padStart(9)}/s ${(floorUs / eachUs).toFixed(2).padStart(7)}x raw`,
  );
}
const { commits, committedOperations, commitTotalUs, commitMaxUs } = store.health();
console.log(
  `${commits} commits of ${(committedOperations / commits).toFixed(1)} operations, mean ${(commitTotalUs / commits).toFixed(0)} us, longest ${commitMaxUs.toFixed(0)} us`,
);
closeSync(raw);
await store.close();
rmSync(directory, { recursive: true });
