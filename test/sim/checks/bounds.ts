import { defaultSessionSettings } from "../../../packages/node/src/session/index.ts";
import { defaultArcSettings } from "../../../packages/node/src/settings.ts";
import type { SimPart } from "../fleet/sim-part.ts";
import type { Network } from "../network/network.ts";
import type { SimNode } from "../node/sim-node.ts";
import type { Scenario } from "../scenario.ts";
import type { Judge } from "./judge.ts";

/** What is looked at. */
export interface BoundedThings {
  readonly scenario: Scenario;
  readonly node: SimNode;
  readonly network: Network;
  readonly parts: readonly SimPart[];
  readonly judge: Judge;
}

/** What may come on top of a bound of bytes under way until it is looked at: a welcome, and what one turn writes. */
const turnBytes = 8 << 10;

const widely = {
  hardOutboundBytes: defaultSessionSettings.hardOutboundBytes,
  maxEpisodes: defaultArcSettings.maxEpisodes,
};

/** Looks whether every queue is within its bound; called often. */
export function checkBounds({ scenario, node, network, parts, judge }: BoundedThings): void {
  const within = (what: string, size: number, bound: number): void => {
    if (size > bound) judge.breach("every queue has its bound", `${what}: ${size} of ${bound}`);
  };
  const { hardOutboundBytes, maxEpisodes } = { ...widely, ...scenario.narrow };
  for (const { name, sdk } of parts) {
    if (sdk === undefined) continue;
    within(`buffer of ${name}`, sdk.statistics.bufferedBytes, scenario.bufferBytes);
    if (sdk.statistics.droppedSamples > 0) judge.atBounds.add("bufferBytes");
  }
  for (const link of network.links)
    within(`outbound of ${link.name}`, link.bufferedBytes("node"), hardOutboundBytes + turnBytes);
  const run = node.serving;
  if (run === undefined) return;
  const { restored, arc } = run;
  const { dispatch, scheduler, registry, sessions, episodes } = arc;
  if (sessions.counters.slowReaders > 0) judge.atBounds.add("hardOutboundBytes");
  if (sessions.shedFrames > 0) judge.atBounds.add("softOutboundBytes");
  if (sessions.counters.bulkFrames > 0) judge.atBounds.add("inlineBurstBytes");
  if (episodes.counters.dropped > 0) judge.atBounds.add("maxEpisodes");
  within("episodes", episodes.size, maxEpisodes);
  const byHand = [...dispatch.open()].filter(({ isByHand }) => isByHand).length;
  within("open by hand", byHand, scenario.maxOpenInstructions + restored);
  const retold = parts.length * 2 * scenario.maxOutstanding;
  within("open of rules", dispatch.openCount - byHand, scenario.maxOpenInstructions + retold);
  within("scheduler", scheduler.size, scenario.maxQueued + byHand);
  within("sessions", sessions.sessionCount, parts.length);
  for (const agent of registry.all()) {
    const bound = scenario.maxOutstanding * Math.max(1, agent.parts.size) + restored;
    within(`outstanding of ${agent.id}`, dispatch.outstandingOf(agent.id), bound);
  }
}
