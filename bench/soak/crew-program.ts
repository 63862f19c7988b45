/**
 * Does to a node, without pause, what a fleet and its people do besides reporting samples: agents come and go,
 * connections break, instructions are sent by hand, the API is read and watched. In a process of its own; it
 * tells what it has seen when it is asked.
 */
import process from "node:process";
import { type Agent, createAgent } from "@myelin/agent";
import { Histogram } from "@myelin/core/statistics";
import { RawAgent } from "../load/raw-agent.ts";
import type { CrewFigures } from "./crew.ts";

const [url = "", http = ""] = process.argv.slice(2);
const workerCount = 40;
const brokenCount = 20;
const watcherCount = 4;
const byHandEveryMs = 50;
const readEveryMs = 100;
const workerLeavesEveryMs = 500;
const connectionBreaksEveryMs = 250;
const watcherLeavesEveryMs = 2000;

const reads = [
  "/api/v1/agents?limit=100",
  "/api/v1/top",
  "/api/v1/instructions?limit=50",
  "/api/v1/rules",
  "/api/v1/ledger",
  "/api/v1/agents/worker-1",
  "/metrics",
];
const watches = ["", "?kinds=agents", "?kinds=instructions&agent=worker-2", "?rule=load-1"];

function nothingSeen() {
  return {
    byHand: 0,
    notExecuted: 0,
    byHandUs: new Histogram(),
    reads: 0,
    readUs: new Histogram(),
    reconnects: 0,
    watchEvents: 0,
    failedCalls: 0,
  };
}

let seen = nothingSeen();

/** The next of several, in turn. */
function inTurn<Value>(
  values: readonly Value[],
): () => { readonly at: number; readonly value: Value } {
  let next = 0;
  return () => {
    const at = next++ % values.length;
    // The index is within the list, which is not empty.
    return { at, value: values[at] as Value };
  };
}

const busy = new Set<string>();

/** Has an agent leave and come again, unless it is still under way since the last time. */
function comeAgain(id: string, again: () => Promise<void>): void {
  if (busy.has(id)) return;
  busy.add(id);
  counted(async () => {
    try {
      await again();
      seen.reconnects++;
    } finally {
      busy.delete(id);
    }
  });
}

/** A call that must not fail; what it throws is counted. */
function counted(call: () => Promise<void>): void {
  call().catch(() => void seen.failedCalls++);
}

async function worker(at: number): Promise<Agent> {
  const agent = createAgent({ url, id: `worker-${at}`, type: "worker" });
  agent.on("work", ({ args }) => ({ done: args["number"] ?? null }), { idempotent: true });
  await agent.connect();
  return agent;
}

async function brokenLater(at: number): Promise<RawAgent> {
  const agent = new RawAgent(url, `broken-${at}`, () => undefined);
  await agent.join("measure");
  return agent;
}

const workers = await Promise.all(Array.from({ length: workerCount }, (_, at) => worker(at)));
const broken = await Promise.all(Array.from({ length: brokenCount }, (_, at) => brokenLater(at)));
const nextWorker = inTurn(workers);
const nextBroken = inTurn(broken);
const nextRead = inTurn(reads);

setInterval(() => {
  const { at, value } = nextWorker();
  comeAgain(`worker-${at}`, async () => {
    await value.close();
    workers[at] = await worker(at);
  });
}, workerLeavesEveryMs);

setInterval(() => {
  const { at, value } = nextBroken();
  comeAgain(`broken-${at}`, async () => {
    value.socket.destroy();
    broken[at] = await brokenLater(at);
  });
}, connectionBreaksEveryMs);

let number = 0;
setInterval(() => {
  const to = `worker-${number % workerCount}`;
  counted(async () => {
    const body = JSON.stringify({ action: "work", to, args: { number: number++ } });
    const beganAtMs = performance.now();
    const answer = await fetch(new URL("/api/v1/instructions", http), { method: "POST", body });
    const { counts } = (await answer.json()) as {
      readonly counts?: { readonly executed?: number };
    };
    seen.byHand++;
    seen.byHandUs.record((performance.now() - beganAtMs) * 1e3);
    if (!answer.ok) seen.failedCalls++;
    else if (counts?.executed !== 1) seen.notExecuted++;
  });
}, byHandEveryMs);

setInterval(() => {
  counted(async () => {
    const beganAtMs = performance.now();
    const answer = await fetch(new URL(nextRead().value, http));
    await answer.arrayBuffer();
    seen.reads++;
    seen.readUs.record((performance.now() - beganAtMs) * 1e3);
    if (!answer.ok) seen.failedCalls++;
  });
}, readEveryMs);

/** Watches until it is told to leave. */
async function watch(query: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(new URL(`/api/v1/watch${query}`, http), { signal });
  if (!answer.ok || answer.body === null) throw new Error(`answered ${answer.status}`);
  try {
    for await (const bytes of answer.body)
      for (const byte of bytes as Uint8Array) if (byte === 10) seen.watchEvents++;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function watcher(at: number): AbortController {
  const leaving = new AbortController();
  counted(() => watch(watches[at % watches.length] ?? "", leaving.signal));
  return leaving;
}

const watchers = Array.from({ length: watcherCount }, (_, at) => watcher(at));
const nextWatcher = inTurn(watchers);
setInterval(() => {
  const { at, value } = nextWatcher();
  value.abort();
  watchers[at] = watcher(at);
}, watcherLeavesEveryMs);

process.on("message", () => {
  const { byHandUs, readUs, ...counts } = seen;
  const figures: CrewFigures = {
    ...counts,
    byHandUs: [50, 99].map((percentile) => byHandUs.percentile(percentile)),
    readUs: readUs.percentile(99),
  };
  seen = nothingSeen();
  process.send?.(figures);
});
process.on("disconnect", () => process.exit(0));
process.send?.("at work");
