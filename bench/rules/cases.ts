/** What `rules` measures: sets of rules, the load that they read, and which loop by hand does the same. */

/** Loops written by hand for one kind of rule. */
export type ByHand = "threshold" | "for" | "average" | "quantile" | "fleet";

/** One set of rules under one load. */
export interface Case {
  readonly name: string;
  /** Conditions, each of one rule. */
  readonly conditions: readonly string[];
  readonly byHand: ByHand;
  readonly agents: number;
  /** Metrics of a frame, and instants at which each is sampled. */
  readonly metrics: number;
  readonly instants: number;
  /** Between two instants of an agent, microseconds. */
  readonly intervalUs: number;
  /** How many rules read each metric of the load. */
  readonly rulesPerMetric: number;
  /** How many times as long as by hand it may take. */
  readonly mostTimes?: number;
  /** Samples a second that it is to reach, millions. */
  readonly leastMillions?: number;
}

/** What a value is compared with where that alone fires: a sample in a thousand is above it. */
export const threshold = 0.999;
/** The same where it must hold for a while, or on an average: a sample in twenty is above it. */
export const lowThreshold = 0.95;
/** Of agents, by their zone. */
export const groups = 10;
/** How long a condition must hold. */
export const forUs = 10_000_000;
/** Of the windows. */
export const windowUs = 30_000_000;
export const quantile = 0.9;

const metrics = 20;
const usual = { agents: 100, metrics, instants: 1, intervalUs: 100_000, rulesPerMetric: 1 };

/** Rules of which as many as there are metrics read one each, the others metrics that nobody sends. */
function thresholds(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `m${at} > ${threshold}`);
}

/** A rule for each metric. */
function onEach(condition: (metric: string) => string): readonly string[] {
  return Array.from({ length: metrics }, (_, at) => condition(`m${at}`));
}

const tenOnOne = Array.from({ length: 10 }, (_, at) => `m0 > ${threshold + at}`);
const others = Array.from({ length: 990 }, (_, at) => `other${at} > ${threshold}`);
const ofOneMetric = {
  agents: 100,
  metrics: 1,
  instants: 10,
  intervalUs: 100_000,
  rulesPerMetric: 10,
};

/** The two that are held against each other. */
export const few = "10 rules on one metric";
export const many = "1,000 rules, 10 of them on the metric";

export const cases: readonly Case[] = [
  ...[1, 20, 100, 1000].map(
    (count): Case => ({
      ...usual,
      name: `thresholds, ${count.toLocaleString("en")} ${count === 1 ? "rule" : "rules"}`,
      conditions: thresholds(count),
      byHand: "threshold",
      mostTimes: 2,
    }),
  ),
  {
    ...{ ...usual, metrics: 1, instants: 10 },
    name: "cpu > x for 10s",
    conditions: [`m0 > ${lowThreshold} for 10s`],
    byHand: "for",
    leastMillions: 10,
  },
  {
    ...usual,
    name: "for: 10s, 20 rules",
    conditions: onEach((metric) => `${metric} > ${lowThreshold} for 10s`),
    byHand: "for",
  },
  {
    ...usual,
    name: "avg_over_time, 20 rules",
    conditions: onEach((metric) => `avg_over_time(${metric}, "30s") > ${lowThreshold}`),
    byHand: "average",
    leastMillions: 2,
  },
  {
    ...usual,
    name: "quantile_over_time, 20 rules",
    conditions: onEach((metric) => `quantile_over_time(${quantile}, ${metric}, "30s") > 1.0`),
    byHand: "quantile",
  },
  {
    ...usual,
    name: "fleet_avg, 20 rules",
    conditions: onEach((metric) => `fleet_avg(${metric}) > ${lowThreshold}`),
    byHand: "fleet",
  },
  {
    ...usual,
    name: "thresholds, 20 rules, 10,000 agents",
    agents: 10_000,
    conditions: thresholds(20),
    byHand: "threshold",
  },
  {
    ...usual,
    name: "group_avg, 20 rules, 10,000 agents, 10 groups",
    agents: 10_000,
    conditions: onEach((metric) => `group_avg(${metric}, "zone") > ${lowThreshold}`),
    byHand: "fleet",
  },
  { ...ofOneMetric, name: few, conditions: tenOnOne, byHand: "threshold" },
  { ...ofOneMetric, name: many, conditions: [...tenOnOne, ...others], byHand: "threshold" },
];
