/** One run: a world made from a seed, in which things go wrong for a while and must be well after. */
import { VirtualClock } from "@myelin/core/clock";
import { isEnded } from "@myelin/core/instruction";
import {
  createMemoryDisk,
  type MemoryDisk,
} from "../../packages/node/src/adapters/memory-store/index.ts";
import { Callers } from "./callers/caller.ts";
import { checkBounds } from "./checks/bounds.ts";
import { DeliveryWatch } from "./checks/delivery.ts";
import { awaited, checkEnding, type Ending, unsettled } from "./checks/ending.ts";
import { Judge } from "./checks/judge.ts";
import { Faults } from "./faults/faults.ts";
import { Fleet } from "./fleet/fleet.ts";
import { Network } from "./network/network.ts";
import { rulesOf } from "./node/rules.ts";
import { SimNode } from "./node/sim-node.ts";
import { type Reduction, type Scenario, scenarioOf } from "./scenario.ts";
import { diceOf } from "./world/dice.ts";
import { Trace } from "./world/trace.ts";

/** What a run showed. */
export interface Verdict {
  readonly seed: number;
  readonly agents: number;
  /** How long things went wrong. */
  readonly faultsForUs: number;
  /** How long after the faults' end all was well; NaN when it was not in time. */
  readonly settledAfterUs: number;
  /** What struck while things went wrong, in order: kind and number. */
  readonly struck: readonly string[];
  /** The rules that were broken; empty when all was well. */
  readonly broken: readonly string[];
  /** What happened that must not; empty when all was well. */
  readonly breaches: readonly string[];
  /** Settings whose bound was reached. */
  readonly atBounds: readonly string[];
  /** Digest of all that happened. */
  readonly digest: string;
  /** All that happened, where it was asked for. */
  readonly trace: readonly string[];
  /** Instructions that ended, by status. */
  readonly ends: ReadonlyMap<string, number>;
}

const startUs = Date.UTC(2026, 0, 1) * 1000;
const boundsEveryUs = 250_000;
/** How often the operator tries to apply the rules. */
const applyEveryUs = 500_000;
const settleStepUs = 500_000;
/** How long the judging may take, which asks the node for each instruction in turn. */
const judgedWithinUs = 300e6;

/** How a seed is run. */
export interface RunOptions {
  /** Keeps all that happens. */
  readonly isTraced?: boolean;
  readonly reduction?: Reduction;
}

/** Runs the world of `seed`. */
export async function simulate(seed: number, options: RunOptions = {}): Promise<Verdict> {
  const scenario = scenarioOf(seed, options.reduction);
  const clock = new VirtualClock(startUs);
  const trace = new Trace(() => clock.nowUs(), options.isTraced === true);
  const disk = createMemoryDisk();
  const isEndOnDisk = (id: string): boolean => {
    const kept = disk.instructions.get(id);
    return kept !== undefined && isEnded(kept.status);
  };
  const judge = new Judge(() => clock.nowUs(), trace, isEndOnDisk);
  judge.windows.expect(scenario);
  const onRejection = (reason: unknown): void =>
    judge.breach("no promise fails unheard", stackOf(reason));
  process.on("unhandledRejection", onRejection);
  const struck: string[] = [];
  let settledAfterUs = Number.NaN;
  try {
    settledAfterUs = await live({ clock, trace, judge, disk, scenario, struck });
  } catch (error) {
    judge.breach("the simulation runs to its end", stackOf(error));
  } finally {
    process.off("unhandledRejection", onRejection);
  }
  const ends = new Map<string, number>();
  for (const { ends: all } of judge.records.all())
    for (const { status, code } of all.slice(-1)) {
      const name = code === undefined ? status : `${status} ${code}`;
      ends.set(name, (ends.get(name) ?? 0) + 1);
    }
  return {
    seed,
    agents: scenario.agents,
    faultsForUs: scenario.faultsForUs,
    settledAfterUs,
    struck,
    broken: [...judge.broken],
    breaches: judge.breaches,
    atBounds: [...judge.atBounds],
    digest: trace.digest(),
    trace: trace.lines,
    ends,
  };
}

/** What a run is made of. */
interface World {
  readonly clock: VirtualClock;
  readonly trace: Trace;
  readonly judge: Judge;
  readonly disk: MemoryDisk;
  readonly scenario: Scenario;
  /** What has struck, in order: kind and number. */
  readonly struck: string[];
}

/** Resolves to how long after the faults' end all was well, NaN when it was not in time. */
async function live(world: World): Promise<number> {
  const { clock, trace, judge, disk, scenario, struck } = world;
  const { seed } = scenario;
  const network = new Network(clock, diceOf(seed, "network"), scenario.network, trace);
  const node = new SimNode({ clock, disk, network, judge, trace, scenario });
  const fleet = new Fleet(scenario, { clock, network, judge, trace });
  const dice = diceOf(seed, "callers");
  const { agents, parts, workloads } = fleet;
  const callers = new Callers({ clock, node, judge, trace, dice, agents }, scenario.callEveryUs);
  const faults = new Faults(scenario, { clock, network, node, parts, judge, trace, struck });
  trace.note("scenario", [...scenario.faultEveryUs.keys()].join(" "));

  const delivery = new DeliveryWatch(node, judge, scenario.maxOutstanding);
  node.start();
  await clock.run(100_000);
  applyRules();
  for (const part of parts) part.start();
  for (const workload of workloads) workload.begin();
  callers.begin();
  faults.begin();
  watchBounds();
  await clock.run(scenario.faultsForUs);

  trace.note("world", "faults end");
  faults.end();
  callers.end();
  for (const workload of workloads) workload.calm();
  return settle(clock, scenario, { node, fleet, network, judge });

  /** Again and again until the node has rules: a full disk refuses them, and a crash loses the call. */
  function applyRules(): void {
    if (judge.firings.areInForce) return;
    void node
      .call("POST", "/api/v1/rules", rulesOf(0, scenario))
      ?.then(({ status }) => status === 200 && judge.inForce());
    clock.schedule(applyEveryUs, applyRules);
  }

  function watchBounds(): void {
    clock.schedule(boundsEveryUs, () => {
      checkBounds({ scenario, node, network, parts, judge });
      delivery.look(clock.nowUs());
      watchBounds();
    });
  }
}

/** Lets the world run until all is well, has every part greet once more, and judges it. */
async function settle(clock: VirtualClock, scenario: Scenario, ending: Ending): Promise<number> {
  const { fleet, network } = ending;
  const fromUs = clock.nowUs();
  if (!(await isWell(clock, scenario, ending))) return Number.NaN;
  const settledAfterUs = clock.nowUs() - fromUs;
  // What the node had no room to account is told again by the next hello.
  for (const link of network.links) network.cut(link);
  if (!(await isWell(clock, scenario, ending))) return Number.NaN;
  for (const workload of fleet.workloads) workload.end();
  if (!(await isWell(clock, scenario, ending, awaited))) return Number.NaN;
  const untilUs = clock.nowUs() + judgedWithinUs;
  let isJudged = false;
  const judging = checkEnding(ending).then(() => {
    isJudged = true;
  });
  while (!isJudged && clock.nowUs() < untilUs) await clock.run(settleStepUs);
  if (!isJudged) throw new Error("the node does not answer");
  await judging;
  return settledAfterUs;
}

/** Resolves to true as soon as nothing is amiss any more; a breach when that is not in time. */
async function isWell(
  clock: VirtualClock,
  scenario: Scenario,
  ending: Ending,
  amiss: (ending: Ending) => string | undefined = unsettled,
): Promise<boolean> {
  const untilUs = clock.nowUs() + scenario.settleWithinUs;
  let left: string | undefined = "it has just begun";
  while (left !== undefined && clock.nowUs() < untilUs) {
    await clock.run(settleStepUs);
    left = amiss(ending);
  }
  if (left === undefined) return true;
  const within = `${scenario.settleWithinUs / 1e6} s`;
  ending.judge.breach("all is well again in time", `after ${within}: ${left}`);
  return false;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
