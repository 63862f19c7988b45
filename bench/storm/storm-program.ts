/**
 * Many agents that connect again by themselves, in a process of its own: of the SDK as it is, or bare
 * WebSocket clients with the same waits between tries. It tells whenever all are there, and what became
 * of their tries; when it is told to, every agent reports a sample that fires, and it counts who is reached.
 */
import process from "node:process";
import { type Agent, createAgent } from "@myelin/agent";
import { WebSocket } from "ws";
import { epochUs } from "../load/raw-agent.ts";
import type { StormOrder, StormReached, StormSeen } from "./storm-process.ts";

/** Agents that first connect at the same time; later they come as they come. */
const joinAtOnce = 200;
/** The SDK's own waits between tries, for the bare clients. */
const firstWaitMs = 100;
const longestWaitMs = 5000;
/** Who is not reached by then is not. */
const reachWithinMs = 10_000;
const stepMs = 10;

const order = JSON.parse(process.argv[2] ?? "") as StormOrder;

/** Who is there, and since when. */
class Roll {
  #isThere = new Uint8Array(order.agents);
  #count = 0;
  #liveAtUs: number[] = [];
  #tries = 0;
  readonly #failures: Record<string, number> = {};
  #closed = 0;

  isThere(at: number): boolean {
    return this.#isThere[at] === 1;
  }

  trying(): void {
    this.#tries++;
  }

  here(at: number): void {
    if (this.isThere(at)) return;
    this.#isThere[at] = 1;
    this.#liveAtUs.push(epochUs());
    if (++this.#count === order.agents) this.#tell();
  }

  gone(at: number, why: string): void {
    this.#failures[why] = (this.#failures[why] ?? 0) + 1;
    if (!this.isThere(at)) return;
    if (this.#count === order.agents) {
      this.#liveAtUs = [];
      this.#tries = 0;
    }
    this.#isThere[at] = 0;
    this.#count--;
  }

  refusedForGood(): void {
    this.#closed++;
    this.#tell();
  }

  #tell(): void {
    const seen: StormSeen = {
      liveAtUs: this.#liveAtUs,
      tries: this.#tries,
      failures: this.#failures,
      closed: this.#closed,
    };
    process.send?.(seen);
  }
}

const roll = new Roll();
const agents: Agent[] = [];
let reached = 0;

function openAgent(at: number): Promise<void> {
  const agent = createAgent({ url: order.url, id: `storm-${at}`, type: "bench" });
  agents.push(agent);
  agent.on("measure", () => void reached++);
  agent.onStatus((status) => {
    if (status.state === "live") roll.here(at);
    else if (status.state === "connecting") roll.trying();
    else if (status.state === "waiting") roll.gone(at, status.cause.code);
    else if (status.state === "closed") roll.refusedForGood();
  });
  return agent.connect();
}

function openBare(at: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let failures = 0;
  const dial = (): void => {
    roll.trying();
    const socket = new WebSocket(order.url, { perMessageDeflate: false });
    socket.on("open", () => {
      failures = 0;
      roll.here(at);
      resolve();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      roll.gone(at, "UNAVAILABLE");
      const boundMs = Math.min(longestWaitMs, firstWaitMs * 2 ** failures++);
      setTimeout(dial, Math.random() * boundMs);
    });
  };
  dial();
  return promise;
}

/** Each agent reports what fires, spread over a second; gives who was reached. */
async function reach(): Promise<StormReached> {
  const beganAtMs = performance.now();
  let next = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    const passedMs = performance.now() - beganAtMs;
    for (; next < Math.min(agents.length, (passedMs / 1e3) * agents.length); next++)
      agents[next]?.report({ storm: 1 });
    if (reached === agents.length || passedMs > reachWithinMs) resolve();
  }, stepMs);
  await promise;
  clearInterval(timer);
  return { reached };
}

const open = order.isBare ? openBare : openAgent;
process.on("message", () => void reach().then((answer) => process.send?.(answer)));
process.on("disconnect", () => process.exit(0));
for (let from = 0; from < order.agents; from += joinAtOnce) {
  const count = Math.min(joinAtOnce, order.agents - from);
  await Promise.all(Array.from({ length: count }, (_, at) => open(from + at)));
}
