/** The rules whose firings are judged: what a report says to each of them. */
import { spellOfLoad } from "../fleet/spells.ts";

/** What a part reports of itself. */
export interface Report {
  /** The agent's type. */
  readonly type: string;
  readonly load: number;
  readonly memory: number;
}

export interface JudgedRule {
  readonly name: string;
  /** How long its condition must hold. */
  readonly forUs: number;
  /** How long after the first calm report it is resolved for sure. */
  readonly resolvesAfterUs: number;
  /** The longest that it cools down in a run, and the time until the node has an end. */
  readonly cooldownUs: number;
  readonly isHot: (report: Report) => boolean;
  readonly isCalm: (report: Report) => boolean;
  /** The number of a hot report's spell, where the report tells it; else spells are counted. */
  readonly spellOf?: (report: Report) => number | undefined;
}

/** How far ahead of the node's clock an agent's evaluation may be: by what was placed too late. */
export const aheadUs = 300_000;

const isOver = ({ memory, load }: Report): boolean => memory > 60 && load > 0.5;
const leaks = ({ memory, type }: Report): boolean => type === "worker" && memory > 100;

export const judgedRules: readonly JudgedRule[] = [
  {
    name: "spin",
    forUs: 300_000,
    resolvesAfterUs: 0,
    cooldownUs: 4e6,
    isHot: ({ load }) => spellOfLoad(load) !== undefined,
    isCalm: ({ load }) => load < 0.5,
    spellOf: ({ load }) => spellOfLoad(load),
  },
  {
    name: "leak",
    forUs: 0,
    resolvesAfterUs: 200_000 + aheadUs,
    cooldownUs: 1.5e6,
    isHot: leaks,
    isCalm: (report) => !leaks(report),
  },
  {
    name: "rehearsal",
    forUs: 0,
    resolvesAfterUs: 0,
    cooldownUs: 1e6,
    isHot: isOver,
    isCalm: (report) => !isOver(report),
  },
];
