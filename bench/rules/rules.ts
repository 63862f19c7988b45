/**
 * How many samples a second the engine takes on one core under sets of rules, beside loops written by hand for just these,
 * in the same process and in turns: 100 agents unless it says otherwise, frames of 20 metrics or of one at ten instants. Time is the thread's own, so that what else runs on the machine counts as little as may be.
 */
import { fileURLToPath } from "node:url";
import { type Figure, Helper, held, heldAbove, machine, type Report } from "../report/index.ts";
import { type Case, cases, few, many } from "./cases.ts";

/** What was found of a case: samples a second of computing. */
export interface Rates {
  readonly engine: number;
  readonly byHand: number;
  /** Instructions decided, so that one sees that rules fire. */
  readonly firings: number;
}

/** How much slower a metric's ten rules may be among a thousand than by themselves. */
const mostTimesAmongOthers = 1.3;

/** Runs the benchmark. */
export async function rulesBench(): Promise<Report> {
  const found = new Map<string, Rates>();
  for (const { name } of cases) found.set(name, await measure(name));
  const rateOf = (name: string): number => found.get(name)?.engine ?? Number.NaN;
  return {
    bench: "rules",
    machine: machine(),
    figures: [
      ...cases.flatMap((what) => figuresOf(what, found.get(what.name))),
      held({
        name: `${many}, against ${few}`,
        value: rateOf(many) / 1e6,
        unit: "M/s",
        ratio: rateOf(few) / rateOf(many),
        target: mostTimesAmongOthers,
      }),
    ],
  };
}

function figuresOf(what: Case, rates: Rates | undefined): readonly Figure[] {
  if (rates === undefined) return [];
  const { name, mostTimes, leastMillions } = what;
  const unit = "M/s";
  const value = rates.engine / 1e6;
  const ratio = rates.byHand / rates.engine;
  const target = mostTimes === undefined ? {} : { target: mostTimes };
  const figures = [held({ name, value, unit, ratio, ...target })];
  return leastMillions === undefined
    ? figures
    : [heldAbove({ name: `${name}, by itself`, value, unit, target: leastMillions }), ...figures];
}

async function measure(name: string): Promise<Rates> {
  const path = fileURLToPath(new URL("./program.ts", import.meta.url));
  await using helper = new Helper(path, [name]);
  return (await helper.told()) as Rates;
}
