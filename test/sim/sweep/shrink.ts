/**
 * Makes a failing run smaller: shorter, with fewer faults and fewer agents, as long as it breaks a rule that the
 * whole run broke. (The faults by delta debugging: Zeller and Hildebrandt, "Simplifying and Isolating
 * Failure-Inducing Input", IEEE TSE 28(2), 2002.)
 */
import type { Reduction } from "../scenario.ts";
import type { Verdict } from "../simulate.ts";

/** Runs a seed as it is reduced. */
export type RunReduced = (reduction: Reduction) => Promise<Verdict>;

/** The smallest that was found, and how many runs that took. */
export interface Shrunk {
  readonly verdict: Verdict;
  readonly reduction: Reduction;
  readonly runs: number;
}

/** Most runs: a large fleet takes some seconds for each. */
const mostRuns = 200;

/** Shrinks the run that gave `whole`, of which `from` has been changed already. */
export async function shrink(
  whole: Verdict,
  run: RunReduced,
  from: Reduction = {},
): Promise<Shrunk> {
  const shrinker = new Shrinker(whole, run, from);
  await shrinker.shrink();
  return shrinker;
}

class Shrinker implements Shrunk {
  verdict: Verdict;
  reduction: Reduction;
  runs = 0;
  readonly #run: RunReduced;
  readonly #goal: ReadonlySet<string>;

  constructor(whole: Verdict, run: RunReduced, from: Reduction) {
    this.verdict = whole;
    this.reduction = { ...from, faults: whole.struck };
    this.#goal = new Set(whole.broken);
    this.#run = run;
  }

  async shrink(): Promise<void> {
    for (let agents = -1; agents !== this.verdict.agents; ) {
      agents = this.verdict.agents;
      await this.#shorten();
      await this.#dropFaults();
      await this.#dropAgents();
    }
  }

  /** True, and taken, when the run breaks the rule so as well. */
  async #tries(change: Reduction): Promise<boolean> {
    if (this.runs >= mostRuns) return false;
    this.runs += 1;
    const reduction = { ...this.reduction, ...change };
    const verdict = await this.#run(reduction);
    if (!verdict.broken.some((rule) => this.#goal.has(rule))) return false;
    this.verdict = verdict;
    this.reduction = { ...reduction, faults: verdict.struck };
    return true;
  }

  /** Halves the time in which things go wrong, then takes off a quarter, and so on. */
  async #shorten(): Promise<void> {
    for (const share of [0.5, 0.75, 0.9])
      while (
        await this.#tries({ faultsForUs: Math.round((this.#faultsForUs * share) / 1e5) * 1e5 })
      )
        if (this.#faultsForUs <= 2e5) return;
  }

  get #faultsForUs(): number {
    return this.reduction.faultsForUs ?? this.verdict.faultsForUs;
  }

  async #dropFaults(): Promise<void> {
    let parts = 1;
    while (this.#faults.length > 0 && parts <= this.#faults.length * 2) {
      const size = Math.max(1, Math.ceil(this.#faults.length / parts));
      let isSmaller = false;
      for (let at = 0; at < this.#faults.length && !isSmaller; at += size)
        isSmaller = await this.#tries({ faults: this.#faults.toSpliced(at, size) });
      if (isSmaller) parts = Math.max(1, parts - 1);
      else if (size === 1) return;
      else parts *= 2;
    }
  }

  get #faults(): readonly string[] {
    return this.reduction.faults ?? [];
  }

  async #dropAgents(): Promise<void> {
    for (let agents = 1; agents < this.verdict.agents; agents = Math.ceil(agents * 1.5))
      if (await this.#tries({ agents })) return;
  }
}
