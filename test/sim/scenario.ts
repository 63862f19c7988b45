import { diceOf } from "./world/dice.ts";
import type { NetworkProfile } from "./network/network.ts";

/** Everything that can go wrong, by itself. */
export const faultNames = [
  "cut",
  "cut-all",
  "overtake",
  "half-open",
  "stall",
  "refuse",
  "agent-crash",
  "agent-leave",
  "agent-hang",
  "agent-sleep",
  "agent-repeat",
  "clock-step",
  "node-crash",
  "node-crash-mid-write",
  "node-drain",
  "node-hang",
  "disk-full",
  "disk-broken",
  "disk-slow",
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
  /** Which of them strike, by kind or by kind and number; undefined for all. */
  readonly strikes: ReadonlySet<string> | undefined;
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
  /** Bounds that are so narrow that work fills them; none where they are wide. */
  readonly narrow: NarrowBounds | undefined;
  /** How windows are kept, in a run that has some. */
  readonly windows: WindowScenario | undefined;
  /** Ledger entries that may wait while the disk takes none; one more drops the oldest. */
  readonly maxWaitingEntries: number;
}

/** A run in which rules read windows, which the node journals. */
export interface WindowScenario {
  /** A window with more samples is one of buckets. */
  readonly windowSamples: number;
  /** The journal is not made anew while it is shorter. */
  readonly leastHistoryBytes: number;
  /** How long samples wait for older ones. */
  readonly latenessUs: number;
}

/** Bounds of buffers in a run that fills them. */
export interface NarrowBounds {
  readonly outboundFrameBytes: number;
  readonly softOutboundBytes: number;
  readonly hardOutboundBytes: number;
  readonly inlineBurstBytes: number;
  readonly inlineBytesPerSecond: number;
  readonly turnBudgetBytes: number;
  readonly maxEpisodes: number;
}

/** Mean time between two faults of a kind, in a run that has them. */
const meanEveryUs: Readonly<Record<FaultName, number>> = {
  cut: 1.5e6,
  "cut-all": 8e6,
  overtake: 3e6,
  "half-open": 4e6,
  stall: 2e6,
  refuse: 8e6,
  "agent-crash": 3e6,
  "agent-leave": 8e6,
  "agent-hang": 4e6,
  "agent-sleep": 5e6,
  "agent-repeat": 2e6,
  "clock-step": 5e6,
  "node-crash": 6e6,
  "node-crash-mid-write": 8e6,
  "node-drain": 10e6,
  "node-hang": 10e6,
  "disk-full": 8e6,
  "disk-broken": 10e6,
  "disk-slow": 6e6,
  "rule-change": 6e6,
};

/** What befalls all at once; the rest befalls one part, and comes more often where there are many. */
const ofNode: ReadonlySet<FaultName> = new Set([
  "cut-all",
  "refuse",
  "node-crash",
  "node-crash-mid-write",
  "node-drain",
  "node-hang",
  "disk-full",
  "disk-broken",
  "disk-slow",
  "rule-change",
]);

/** What is changed of a seed's run: to see what a breach needs, or to see it in another size. */
export interface Reduction {
  /** How many agents there are. */
  readonly agents?: number;
  /** Which faults strike: all of a kind (`cut`), or one of them (`cut#3`, the third); all when it is absent. */
  readonly faults?: readonly string[];
  readonly faultsForUs?: number;
}

/** Every so many seeds one has a large fleet. */
const largeEvery = 100;
const mostAgents = 300;

/**
 * The scenario of a seed. Each kind of fault is in about half of the runs, so that some are seen without
 * others that would hide what they do (Groce et al., "Swarm Testing", ISSTA 2012).
 */
export function scenarioOf(seed: number, reduction: Reduction = {}): Scenario {
  const dice = diceOf(seed, "scenario");
  const isLarge = seed % largeEvery === 0;
  const isSmall = !isLarge && dice.chance(0.5);
  const few = dice.chance(0.75) ? dice.integer(5, 8) : dice.integer(9, 20);
  const many = dice.integer(100, mostAgents);
  const agents = reduction.agents ?? (isLarge ? many : few);
  const faultEveryUs = faultsOf(seed, isLarge);
  return {
    seed,
    agents,
    faultsForUs: reduction.faultsForUs ?? (isLarge ? 6e6 : 15e6),
    settleWithinUs: 20e6,
    network: dice.pick([
      { leastDelayUs: 20, meanJitterUs: 30 },
      { leastDelayUs: 200, meanJitterUs: 800 },
      { leastDelayUs: 5_000, meanJitterUs: 20_000 },
    ]),
    maxDriftPpm: 40,
    syncDelayUs: dice.pick([0, 300, 4_000, 30_000]),
    faultEveryUs,
    strikes: reduction.faults === undefined ? undefined : new Set(reduction.faults),
    callEveryUs: dice.between(60_000, 400_000),
    reportEveryUs: dice.between(150_000, 400_000) * (isLarge ? 4 : 1),
    bufferBytes: dice.pick([16_384, 65_536]),
    maxOpenInstructions: isSmall ? dice.integer(4, 20) : 1000,
    maxQueued: isSmall ? dice.integer(4, 16) : 1000,
    maxWaiting: isSmall ? dice.integer(1, 2) : 100,
    maxOutstanding: isSmall ? dice.integer(1, 4) : 64,
    heartbeatIntervalUs: dice.pick([250_000, 500_000, 1_000_000]),
    resumeWindowUs: dice.pick([3e6, 30e6]),
    breakerFailures: dice.pick([2, 5]),
    narrow: narrowBoundsOf(seed),
    windows: windowsOf(seed),
    maxWaitingEntries: dice.chance(0.5) ? dice.integer(1, 8) : 1000,
  };
}

/** Half of the runs have windows, for they take time; with dice of its own. */
function windowsOf(seed: number): WindowScenario | undefined {
  const dice = diceOf(seed, "scenario windows");
  if (!dice.chance(0.5)) return undefined;
  return {
    windowSamples: dice.pick([8, 1024, 1024]),
    leastHistoryBytes: dice.pick([1 << 12, 1 << 15, 16 << 20]),
    latenessUs: dice.pick([0, 0, 0, 250e3]),
  };
}

/** Has dice of its own, so that the rest of the scenario is as it would be without. */
function narrowBoundsOf(seed: number): NarrowBounds | undefined {
  const dice = diceOf(seed, "scenario bounds");
  if (!dice.chance(0.7)) return undefined;
  const hardOutboundBytes = dice.integer(600, 2_500);
  return {
    outboundFrameBytes: dice.integer(300, 1_000),
    softOutboundBytes: Math.floor(hardOutboundBytes / 4),
    hardOutboundBytes,
    inlineBurstBytes: dice.integer(100, 1_000),
    inlineBytesPerSecond: dice.integer(200, 2_000),
    turnBudgetBytes: dice.integer(200, 1_000),
    maxEpisodes: dice.integer(1, 6),
  };
}

/** Each kind has dice of its own, so that one more kind leaves the others as they are. */
function faultsOf(seed: number, isLarge: boolean): ReadonlyMap<FaultName, number> {
  const everyUs = new Map<FaultName, number>();
  for (const name of faultNames) {
    const dice = diceOf(seed, `scenario ${name}`);
    if (!dice.chance(0.45)) continue;
    const perPart = isLarge && !ofNode.has(name) ? 0.1 : 1;
    everyUs.set(name, meanEveryUs[name] * dice.between(0.5, 2) * perPart);
  }
  return everyUs;
}
