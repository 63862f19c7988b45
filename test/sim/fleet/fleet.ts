import type { VirtualClock } from "@myelin/core/clock";
import type { Judge } from "../checks/judge.ts";
import type { Network } from "../network/network.ts";
import type { Scenario } from "../scenario.ts";
import { diceOf } from "../world/dice.ts";
import type { Trace } from "../world/trace.ts";
import { Machine } from "./machine.ts";
import { type PartIdentity, type SimAction, SimPart } from "./sim-part.ts";
import { Workload } from "./workload.ts";

const restart: SimAction = { name: "restart", isIdempotent: false };
const flush: SimAction = { name: "flush", isIdempotent: true };
const wake: SimAction = { name: "wake", isIdempotent: false };
const note: SimAction = { name: "note", isIdempotent: false };

/** Actions that some part of some agent handles, and one that none does. */
export const actionNames: readonly string[] = ["restart", "flush", "note", "note", "wake", "dance"];

/** All agents of the run with their parts. */
export class Fleet {
  readonly parts: readonly SimPart[];
  readonly workloads: readonly Workload[];
  readonly agents: readonly string[];
  /** Those of one part only. */
  readonly single: ReadonlySet<string>;

  constructor(
    scenario: Scenario,
    around: {
      readonly clock: VirtualClock;
      readonly network: Network;
      readonly judge: Judge;
      readonly trace: Trace;
    },
  ) {
    const { clock } = around;
    const dice = diceOf(scenario.seed, "fleet");
    const identities: PartIdentity[] = [];
    for (let number = 1; number <= scenario.agents; number++) {
      const agent = `a${number}`;
      const type = dice.chance(0.6) ? "worker" : "scout";
      if (dice.chance(0.3)) {
        identities.push({ agent, type, part: "app", actions: [restart, flush, note] });
        identities.push({ agent, type, part: "supervisor", actions: [restart, wake] });
      } else {
        identities.push({ agent, type, part: "app", actions: [restart, flush, note, wake] });
      }
    }
    this.agents = [...new Set(identities.map(({ agent }) => agent))];
    this.single = new Set(
      this.agents.filter((id) => identities.filter(({ agent }) => agent === id).length === 1),
    );
    this.parts = identities.map((identity) => {
      const offsetUs = dice.chance(0.5) ? dice.between(-3e7, 3e7) : 0;
      const machine = new Machine(clock, offsetUs, dice.between(-1, 1) * scenario.maxDriftPpm);
      return new SimPart(identity, {
        ...around,
        machine,
        dice: diceOf(scenario.seed, `part ${identity.agent}/${identity.part}`),
        bufferBytes: scenario.bufferBytes,
      });
    });
    this.workloads = this.parts.map(
      (part) =>
        new Workload(part, clock, diceOf(scenario.seed, `work ${part.name}`), {
          everyUs: scenario.reportEveryUs,
          isMarked: scenario.windows !== undefined,
          onReport: (number, load, memory) => {
            const { telemetry, firings } = around.judge;
            telemetry.reported(part.name, part.incarnation, number, clock.nowUs());
            const { type } = part.identity;
            firings.reported(part.name, number, { type, load, memory });
          },
        }),
    );
  }
}
