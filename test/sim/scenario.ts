import { diceOf } from "./world/dice.ts";
import type { NetworkProfile } from "./network/network.ts";

/** Everything that can go wrong, by itself. */
export const faultNames = [
  "cut",
  "cut-all",
  "half-open",
  "stall",
  "refuse",
  "agent-crash",
  "agent-leave",
  "agent-hang",
  "clock-step",
  "node-crash",
  "node-drain",
  "node-hang",
  "disk-full",
  "disk-broken",
  "rule-change",
] as const;

/** One kind of fault. */
export type FaultName = (typeof faultNames)[number];

/** What a seed decides of a run before it begins. */
export interface Scenario {
  readonly seed: number;
  readonly agents: number;
  /** How long things go wrong, and within what all must be well again after. */
  readonly faultsForUs: number;
  readonly settleWithinUs: number;
  readonly network: NetworkProfile;
  readonly maxDriftPpm: number;
  readonly syncDelayUs: number;
  /** Mean time between two faults of a kind; a kind that is absent does not happen. */
  readonly faultEveryUs: ReadonlyMap<FaultName, number>;
  readonly callEveryUs: number;
  readonly reportEveryUs: number;
  readonly bufferBytes: number;
  readonly maxOpenInstructions: number;
  readonly maxQueued: number;
  readonly maxWaiting: number;
  readonly maxOutstanding: number;
  readonly heartbeatIntervalUs: number;
  readonly resumeWindowUs: number;
  /** Failures in a row that open the breaker over a part. */
  readonly breakerFailures: number;
  /** Ledger entries that may wait while the disk takes none; one more drops the oldest. */
  readonly maxWaitingEntries: number;
}

/** Mean time between two faults of a kind, in a run that has them. */
const meanEveryUs: Readonly<Record<FaultName, number>> = {
  cut: 1.5e6,
  "cut-all": 8e6,
  "half-open": 4e6,
  stall: 2e6,
  refuse: 8e6,
  "agent-crash": 3e6,
  "agent-leave": 8e6,
  "agent-hang": 4e6,
  "clock-step": 5e6,
  "node-crash": 6e6,
  "node-drain": 10e6,
  "node-hang": 10e6,
  "disk-full": 8e6,
  "disk-broken": 10e6,
  "rule-change": 6e6,
};

/**
 * The scenario of a seed. Each kind of fault is in about half of the runs, so that some are seen without
 * others that would hide what they do (Groce et al., "Swarm Testing", ISSTA 2012).
 */
export function scenarioOf(seed: number): Scenario {
  const dice = diceOf(seed, "scenario");
  const faultEveryUs = new Map<FaultName, number>();
  for (const name of faultNames)
    if (dice.chance(0.45)) faultEveryUs.set(name, meanEveryUs[name] * dice.between(0.5, 2));
  const isSmall = dice.chance(0.5);
  return {
    seed,
    agents: dice.chance(0.75) ? dice.integer(5, 8) : dice.integer(9, 20),
    faultsForUs: 15e6,
    settleWithinUs: 60e6,
    network: dice.pick([
      { leastDelayUs: 20, meanJitterUs: 30 },
      { leastDelayUs: 200, meanJitterUs: 800 },
      { leastDelayUs: 5_000, meanJitterUs: 20_000 },
    ]),
    maxDriftPpm: 40,
    syncDelayUs: dice.pick([0, 300, 4_000, 30_000]),
    faultEveryUs,
    callEveryUs: dice.between(60_000, 400_000),
    reportEveryUs: dice.between(150_000, 400_000),
    bufferBytes: dice.pick([16_384, 65_536]),
    maxOpenInstructions: isSmall ? dice.integer(4, 20) : 1000,
    maxQueued: isSmall ? dice.integer(4, 16) : 1000,
    maxWaiting: isSmall ? dice.integer(1, 2) : 100,
    maxOutstanding: isSmall ? dice.integer(1, 4) : 64,
    heartbeatIntervalUs: dice.pick([250_000, 500_000, 1_000_000]),
    resumeWindowUs: dice.pick([3e6, 30e6]),
    breakerFailures: dice.pick([2, 5]),
    maxWaitingEntries: dice.chance(0.5) ? dice.integer(1, 8) : 1000,
  };
}
