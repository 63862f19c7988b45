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

/** Bytes that may be under way from the node to one agent: the bound above which its session ends. */
const maxOutboundBytes = 4 << 20;

/** Looks whether every queue is within its bound; called often. */
export function checkBounds({ scenario, node, network, parts, judge }: BoundedThings): void {
  const within = (what: string, size: number, bound: number): void => {
    if (size > bound) judge.breach("every queue has its bound", `${what}: ${size} of ${bound}`);
  };
  for (const { name, sdk } of parts)
    if (sdk !== undefined)
      within(`buffer of ${name}`, sdk.statistics.bufferedBytes, scenario.bufferBytes);
  for (const link of network.links)
    within(`outbound of ${link.name}`, link.bufferedBytes("node"), maxOutboundBytes);
  const run = node.serving;
  if (run === undefined) return;
  const { restored, arc } = run;
  const { dispatch, scheduler, registry, sessions } = arc;
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
