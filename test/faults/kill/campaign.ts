// Kills a node again and again while instructions are in flight, and compares in the end what it has
// promised with what its agents have done.
import { join } from "node:path";
import type { InstructionDocument } from "@myelin/core/instruction";
import { type Random, seededRandom } from "@myelin/core/random";
import { eventually, NodeProcess, temporaryDirectory } from "../../e2e/support/index.ts";
import { Crowd } from "../support/crowd.ts";
import { Caller } from "./caller.ts";
import { register } from "./registered.ts";
import { breachesOf } from "./verdict.ts";

const agentsOfCrowd = 20;
const callsAtOnce = 16;
const mostAcceptedBetweenKills = 120;
/** Each so many kills one of the agents' process, too. */
const killsBetweenDeaths = 7;

/** How a campaign is run. */
export interface CampaignOptions {
  readonly kills: number;
  readonly seed: number;
  /** Agents that the node knows besides those that are there. */
  readonly registered: number;
  /** Told of each kill that was survived. */
  readonly onKill?: (done: number, restartMs: number) => void;
}

/** What came of it. */
export interface CampaignReport {
  readonly breaches: readonly string[];
  readonly accepted: number;
  /** Calls that had no answer at some time, and were asked again. */
  readonly unknown: number;
  readonly begun: number;
  readonly byRules: number;
  readonly deaths: number;
  readonly ends: ReadonlyMap<string, number>;
  /** From the start of the process to its first answer over HTTP, in milliseconds. */
  readonly restartsMs: readonly number[];
}

const rules = [
  { name: "busy", where: 'agent.type == "crowd"', expr: "load > 0.5", action: "tick" },
];

async function restart(
  directory: string,
  port: number,
): Promise<{ readonly node: NodeProcess; readonly tookMs: number }> {
  const startedAtMs = performance.now();
  const node = await NodeProcess.start(directory, ["--port", String(port)]);
  const { status } = await node.get("/readyz");
  if (status !== 200) throw new Error(`the node answers ${status}`);
  return { node, tookMs: performance.now() - startedAtMs };
}

function callerOf(random: Random, names: readonly string[], seed: number): Caller {
  const pick = <Item>(items: readonly Item[], otherwise: Item): Item =>
    items[Math.floor(random.float() * items.length)] ?? otherwise;
  return new Caller(
    {
      agent: () => pick(names, ""),
      action: () => pick(["work", "work", "work", "again"], "work"),
      // Some cannot begin before a node that was killed is back.
      deadline: () => pick(["60s", "60s", "60s", "200ms"], "60s"),
    },
    `seed-${seed}`,
  );
}

/** Runs a campaign. @throws when a node does not come back, or refuses what it must take */
export async function killCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { kills, seed, registered, onKill } = options;
  const random = seededRandom(seed);
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "data");
  await register(data, registered);
  let node = await NodeProcess.start(data);
  try {
    const { port, url } = node;
    await node.applyRules(rules);
    await using crowd = await Crowd.start(url, join(directory.path, "begun"), agentsOfCrowd);
    const caller = callerOf(random, crowd.names, seed);
    const restartsMs: number[] = [];
    for (let kill = 1; kill <= kills; kill++) {
      const enough = Math.floor(random.float() ** 2 * mostAcceptedBetweenKills);
      const killed = Promise.withResolvers<unknown>();
      await caller.sendUntilBroken(node, enough, callsAtOnce, () =>
        killed.resolve(node.end("SIGKILL")),
      );
      await killed.promise;
      if (kill % killsBetweenDeaths === 0) {
        await crowd.kill();
        crowd.begin();
      }
      const { node: next, tookMs } = await restart(data, port);
      node = next;
      restartsMs.push(tookMs);
      onKill?.(kill, tookMs);
    }
    await caller.settle(node);
    const told = await endsOf(
      node,
      caller.calls.flatMap(({ ids }) => [...ids]),
    );
    const begun = crowd.begun();
    const ends = Map.groupBy(told.values(), (document) => document?.status ?? "vanished");
    return {
      breaches: breachesOf({ calls: caller.calls, begun, told, deadLives: crowd.lives - 1 }),
      accepted: told.size,
      unknown: caller.unknownEver,
      begun: begun.length,
      byRules: begun.filter(({ action }) => action === "tick").length,
      deaths: crowd.lives - 1,
      ends: new Map([...ends].map(([status, documents]) => [status, documents.length])),
      restartsMs,
    };
  } finally {
    await node.end("SIGKILL");
  }
}

/** What the node says of each, when all have ended. */
async function endsOf(
  node: NodeProcess,
  ids: readonly string[],
): Promise<Map<string, InstructionDocument | undefined>> {
  await eventually("every instruction by hand has ended", async () => {
    const { body } = await node.get("/api/v1/instructions?limit=1000&status=accepted");
    const sent = (await node.get("/api/v1/instructions?limit=1000&status=sent")).body;
    const received = (await node.get("/api/v1/instructions?limit=1000&status=received")).body;
    return [body, sent, received].every(({ instructions }) =>
      instructions.every(({ rule }: InstructionDocument) => rule !== null),
    );
  });
  const told = new Map<string, InstructionDocument | undefined>();
  for (const id of ids) {
    const { status, body } = await node.get(`/api/v1/instructions/${id}`);
    told.set(id, status === 200 ? body : undefined);
  }
  return told;
}
