import type { Recorded } from "@myelin/core/recordings";
import type { RulePlan } from "@myelin/core/rules";
import type { RuleTestSettings } from "@myelin/core/rule-tests";
import { Comparison, type Difference, type Side } from "./comparison.ts";
import { merged, type RecordedData } from "./data.ts";
import type { BacktestFiring, BreakerTurn } from "./figures.ts";
import { lifeUsOf, Replica, type SideFigures } from "./replica.ts";
import { Scout } from "./scout.ts";

export interface BacktestOptions {
  readonly rules: readonly RulePlan[];
  /** Rules to compare with. */
  readonly before?: readonly RulePlan[] | undefined;
  /** What is told, all of it in order of time. */
  readonly data: readonly RecordedData[];
  readonly settings?: RuleTestSettings;
  /** What was told before is told too; what rules decide of it counts for nothing. */
  readonly fromUs?: number | undefined;
  /** What was told after is not told. */
  readonly toUs?: number | undefined;
  /** Most firings, differences and turns of breakers that are kept; all are counted. Default 100,000. */
  readonly maxKept?: number;
  /** Told now and then how many samples there were so far, and of when. */
  readonly onProgress?: (samples: number, atUs: number) => void;
}

/** What rules decided about what was recorded. */
export interface Backtest {
  /** Of the node's clock, from the first to the last that was told; undefined when nothing was. */
  readonly range: { readonly fromUs: number; readonly toUs: number } | undefined;
  readonly inputs: number;
  readonly samples: number;
  readonly agents: number;
  /** Names of the metrics of which there are samples. */
  readonly metrics: ReadonlySet<string>;
  /** Inputs that the node did not record. */
  readonly missing: number;
  readonly now: SideFigures;
  readonly before: SideFigures | undefined;
  /** The first firings of the rules, in order of time, and how many there are in all. */
  readonly firings: readonly BacktestFiring[];
  readonly firingCount: number;
  /** The first differences, and how many there are in all. */
  readonly differences: readonly Difference[];
  readonly differenceCount: number;
  readonly breakers: readonly BreakerTurn[];
}

const defaultMaxKept = 100_000;
/** How far ahead timers are looked for, in any case. */
const leastSpanUs = 2_000_000;

/** Tells rules what was recorded, and gives what they decide; two sets of rules are told it together. */
export async function runBacktest(options: BacktestOptions): Promise<Backtest> {
  const { data } = options;
  const ofNodes = data.filter(({ isOfNode }) => isOfNode);
  const scout =
    ofNodes.length === 0 ? undefined : new Scout(merged(ofNodes.map((each) => each.read())));
  try {
    const run = new Run(options, scout);
    const { toUs = Number.POSITIVE_INFINITY } = options;
    for await (const batch of merged(data.map((each) => each.read()))) {
      for (const entry of batch) {
        if (entry.atUs > toUs) return run.end(toUs);
        const untilUs = entry.atUs + run.spanUs;
        if (scout?.knows(untilUs) === false) await scout.reach(untilUs);
        run.tell(entry);
      }
      run.told();
    }
    return run.end(undefined);
  } finally {
    await scout?.close();
  }
}

class Run {
  /** How far ahead it has to be known what is to come. */
  readonly spanUs: number;
  readonly #options: BacktestOptions;
  readonly #scout: Scout | undefined;
  readonly #maxKept: number;
  readonly #comparison: Comparison;
  readonly #differences: Difference[] = [];
  readonly #firings: BacktestFiring[] = [];
  readonly #breakers: BreakerTurn[] = [];
  readonly #agents = new Set<string>();
  readonly #metrics = new Set<string>();
  #now: Replica | undefined;
  #before: Replica | undefined;
  #firingCount = 0;
  #differenceCount = 0;
  #firstUs = Number.NaN;
  #lastUs = Number.NEGATIVE_INFINITY;
  #inputs = 0;
  #samples = 0;
  #missing = 0;

  constructor(options: BacktestOptions, scout: Scout | undefined) {
    this.#options = options;
    this.#scout = scout;
    this.#maxKept = options.maxKept ?? defaultMaxKept;
    this.spanUs = Math.max(
      leastSpanUs,
      ...[...options.rules, ...(options.before ?? [])].map(lifeUsOf),
    );
    this.#comparison = new Comparison((difference) => {
      this.#differenceCount += 1;
      if (this.#differences.length < this.#maxKept) this.#differences.push(difference);
    });
  }

  tell(entry: Recorded): void {
    if (this.#inputs === 0) this.#begin(entry.atUs);
    this.#inputs += 1;
    this.#lastUs = Math.max(this.#lastUs, entry.atUs);
    if (entry.kind === "samples") {
      this.#samples += entry.samples.length;
      for (const { metric } of entry.samples) this.#metrics.add(metric);
    }
    if (entry.kind === "gap") this.#missing += entry.count;
    if ("agent" in entry) this.#agents.add(entry.agent);
    this.#now?.tell(entry);
    this.#before?.tell(entry);
    this.#scout?.pass(entry);
    this.#comparison.passed(this.#lastUs);
  }

  told(): void {
    this.#options.onProgress?.(this.#samples, this.#lastUs);
  }

  end(untilUs: number | undefined): Backtest {
    if (this.#now === undefined) this.#begin(untilUs ?? 0);
    const endUs = untilUs ?? this.#lastUs;
    this.#now?.finish(endUs);
    this.#before?.finish(endUs);
    this.#comparison.end();
    return {
      range: this.#inputs === 0 ? undefined : { fromUs: this.#firstUs, toUs: this.#lastUs },
      inputs: this.#inputs,
      samples: this.#samples,
      agents: this.#agents.size,
      metrics: this.#metrics,
      missing: this.#missing,
      now: this.#now?.figures() ?? nothing,
      before: this.#before?.figures(),
      firings: this.#firings,
      firingCount: this.#firingCount,
      differences: this.#differences.toSorted((a, b) => atUsOf(a) - atUsOf(b)),
      differenceCount: this.#differenceCount,
      breakers: this.#breakers,
    };
  }

  #begin(atUs: number): void {
    this.#firstUs = atUs;
    this.#now = this.#replica("now", this.#options.rules, atUs);
    const { before } = this.#options;
    if (before !== undefined) this.#before = this.#replica("before", before, atUs);
  }

  #replica(side: Side, rules: readonly RulePlan[], atUs: number): Replica {
    const { settings = {}, fromUs = Number.NEGATIVE_INFINITY, before } = this.#options;
    const isNow = side === "now";
    return new Replica({
      ...{ rules, settings, atUs, fromUs, scout: this.#scout },
      onFiring: (firing) => {
        if (isNow) this.#firingCount += 1;
        if (isNow && this.#firings.length < this.#maxKept) this.#firings.push(firing);
        if (before !== undefined) this.#comparison.take(side, firing);
      },
      onBreaker: (turn) => {
        if (isNow && this.#breakers.length < this.#maxKept) this.#breakers.push(turn);
      },
    });
  }
}

const nothing: SideFigures = { rules: [], late: 0, future: 0 };

function atUsOf(difference: Difference): number {
  return difference.kind === "removed" ? difference.before.atUs : difference.now.atUs;
}
