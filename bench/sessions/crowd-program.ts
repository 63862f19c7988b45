/**
 * Holds many idle sessions open, in a process of its own: each sends a heartbeat as often as it is told,
 * spread over the time. It tells when all are taken in, and ends with the process that started it.
 */
import process from "node:process";
import type { CrowdOrder } from "./crowd.ts";
import { LightClient } from "./light-client.ts";

/** Connections that are made at the same time: who listens has a bound on those it has not accepted. */
const atOnce = 200;
/** Ports of one address are some 28,000, but finding one that is free takes long before they are out. */
const clientsPerAddress = 1000;
/** Heartbeats that are due leave this often. */
const beatEveryMs = 10;

const order = JSON.parse(process.argv[2] ?? "") as CrowdOrder;
const { hostname, port } = new URL(order.url);
const clients: LightClient[] = [];

/** 127.0.0.1, 127.0.0.2 and so on, each for as many as its ports suffice for. */
function addressOf(at: number): string {
  return `127.0.0.${1 + Math.floor(at / clientsPerAddress)}`;
}

async function joinAll(): Promise<void> {
  while (clients.length < order.sessions) {
    const count = Math.min(atOnce, order.sessions - clients.length);
    const some = Array.from({ length: count }, (_, index) => {
      const at = clients.length + index;
      const place = { host: hostname, port: Number(port), localAddress: addressOf(at) };
      return new LightClient(order.peer, place, `idle-${at}`);
    });
    clients.push(...some);
    await Promise.all(some.map(({ joined }) => joined));
  }
}

/** Each client beats once an interval, from when it has joined. */
function beatAll(): void {
  const startedAtMs = performance.now();
  let beaten = 0;
  setInterval(() => {
    const due = ((performance.now() - startedAtMs) / order.heartbeatMs) * order.sessions;
    for (; beaten < due; beaten++) clients[beaten % order.sessions]?.beat();
  }, beatEveryMs);
}

process.on("disconnect", () => process.exit(0));
await joinAll();
beatAll();
process.send?.("joined");
