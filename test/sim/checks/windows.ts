/**
 * What windows hold, beside the samples and events that the node's engine was given: all of this run of the node, what
 * earlier runs had but for the last before they were killed, nothing twice, and nothing else.
 *
 * Each report bears a mark, a power of two that comes again only after many reports, so that a window's sum tells which
 * samples are in it. A rule in shadow tells its windows at each event of its agent.
 *
 * What an earlier run was given must be there when it is that much older than the run's end as the journal may take, and
 * nothing held the journal up; when it is not, it may be. So it is with an agent's leaving, after which all before it is gone.
 */
import type { JsonObject } from "@myelin/core/json";
import type { Scenario } from "../scenario.ts";
import type { Fired } from "./firings.ts";
import { clocksApart, slowness, type Troubles } from "./troubles.ts";

/** How wide the windows are that are told. */
export const toldWidthUs = 3e6;
const marks = 50;
/** What a killed run may lose. */
const lostUs = 100_000;
/** Turns of a slow disk until an entry is on it. */
const turnsOfDisk = 8;
/** The name under which it is noted that the journal could not be written. */
export const journalTrouble = "journal";

/** The value of the mark of a part's report. */
export function markOf(number: number): number {
  return 2 ** (number % marks);
}

/** Where a breach is told, and what excuses one. */
interface Bench {
  readonly troubles: Troubles;
  breach(rule: string, what: string): void;
}

/** A sample or an event that the engine took. */
export interface Taken {
  /** Number of the report. */
  readonly number: number;
  readonly run: number;
  /** Event time on the node's clock. */
  readonly timeUs: number;
  /** True time. */
  readonly atUs: number;
}

interface Left {
  readonly run: number;
  readonly atUs: number;
}

interface Ended {
  readonly atUs: number;
  readonly wasKilled: boolean;
}

/** What is known of one agent. */
interface Agent {
  /** By the name of the series. */
  readonly taken: Map<string, Taken[]>;
  readonly left: Left[];
}

/** What may be in a window, and what must. */
interface Due {
  readonly may: ReadonlySet<number>;
  readonly must: ReadonlySet<number>;
  /** True when it has something that came again after its part's clock was set: that it was known is told by the clock. */
  readonly isAstray: boolean;
}

export class WindowRecords {
  readonly #agents = new Map<string, Agent>();
  readonly #ends = new Map<number, Ended>();
  #inForceAtUs = Number.POSITIVE_INFINITY;
  #lostUs = lostUs;
  /** Windows are of buckets now and then, which reach further back. */
  #areBuckets = false;
  /** How many windows were looked at, and how many of them had something of an earlier run. */
  readonly counts = { told: 0, taughtBefore: 0 };

  /** How the node is set up. */
  expect({ syncDelayUs, windows }: Pick<Scenario, "syncDelayUs" | "windows">): void {
    this.#lostUs = lostUs + turnsOfDisk * syncDelayUs;
    this.#areBuckets = windows !== undefined && windows.windowSamples < marks;
  }

  /** The rules are in force: windows fill. */
  inForce(atUs: number): void {
    this.#inForceAtUs = Math.min(this.#inForceAtUs, atUs);
  }

  /** The engine took a sample or an event of a series. */
  taken(agent: string, series: string, taken: Taken): void {
    const { taken: all } = this.#of(agent);
    const known = all.get(series);
    if (known === undefined) all.set(series, [taken]);
    else known.push(taken);
  }

  /** An event that was about to be taken was not. */
  untaken(agent: string, series: string, taken: Taken): void {
    const all = this.#of(agent).taken.get(series);
    all?.splice(all.lastIndexOf(taken), 1);
  }

  /** The agent has left. */
  left(agent: string, run: number, atUs: number): void {
    this.#of(agent).left.push({ run, atUs });
  }

  runEnded(run: number, atUs: number, wasKilled: boolean): void {
    this.#ends.set(run, { atUs, wasKilled });
  }

  /** A rule tells its windows. */
  told(agent: string, { run, args, sampleTimeUs: untilUs }: Fired, judge: Bench): void {
    for (const part of ["app", "supervisor"]) {
      const due = this.#due(agent, `mark_${part}`, run, untilUs, judge.troubles);
      this.#checkMarks(`${agent}/${part} at ${untilUs} in run ${run}`, args, part, due, judge);
    }
    const events = this.#due(agent, "events", run, untilUs, judge.troubles);
    const count = Number(args["events"]);
    if (!(events.isAstray || (count >= events.must.size && count <= events.may.size)))
      judge.breach(
        "events are counted once each",
        `${agent}: ${count}, of at least ${events.must.size} and at most ${events.may.size}`,
      );
  }

  #checkMarks(
    who: string,
    args: JsonObject,
    part: string,
    { may, must, isAstray }: Due,
    judge: Bench,
  ): void {
    const byMark = new Map([...may].map((number) => [markOf(number), number]));
    // One mark stands for two reports.
    if (isAstray || byMark.size < may.size) return;
    this.counts.told += 1;
    const sum = figureOf(args[`marks_${part}`]);
    const count = figureOf(args[`count_${part}`]);
    const held = marksIn(sum);
    if (held.length !== count)
      judge.breach("no sample is in a window twice", `${who}: ${count} samples sum up to ${sum}`);
    for (const mark of held)
      if (!byMark.has(mark))
        judge.breach("a window holds only what was applied", `${who}: mark ${mark}`);
    for (const number of must)
      if (!held.includes(markOf(number)))
        judge.breach("a window holds what was applied", `${who}: report ${number} is missing`);
    const most = figureOf(args[`most_${part}`]);
    const mean = figureOf(args[`mean_${part}`]);
    if (most !== (held.at(-1) ?? 0) || Math.abs(mean * count - sum) > sum * 1e-9)
      judge.breach("windows over the same samples agree", `${who}: ${JSON.stringify(args)}`);
  }

  #due(agent: string, series: string, run: number, untilUs: number, troubles: Troubles): Due {
    const { taken, left } = this.#of(agent);
    const [may, must] = [new Set<number>(), new Set<number>()];
    const fromUs = untilUs - toldWidthUs;
    const runs = new Map<number, Taken>();
    let isAstray = false;
    const reachUs = this.#areBuckets ? Number.NEGATIVE_INFINITY : fromUs;
    for (const one of taken.get(series) ?? []) {
      if (one.timeUs <= reachUs || one.timeUs > untilUs) continue;
      const later = left.length === 0 ? left : left.filter(({ atUs }) => atUs >= one.atUs);
      if (later.some((leave) => this.#isKept(leave, run, troubles))) continue;
      may.add(one.number);
      const before = runs.get(one.number);
      runs.set(one.number, one);
      isAstray ||= before !== undefined && this.#wasSet(agent, before, one, troubles);
      const isIn = one.timeUs > fromUs && one.atUs >= this.#inForceAtUs && later.length === 0;
      if (isIn && this.#isKept(one, run, troubles)) must.add(one.number);
    }
    return { may, must, isAstray };
  }

  /** Whether a run of the node knows for sure what came to this one or an earlier one. */
  #isKept(what: Left, run: number, troubles: Troubles): boolean {
    if (what.run === run) return true;
    const writtenUs = what.atUs + this.#lostUs;
    const ended = this.#ends.get(what.run);
    if (ended === undefined || (ended.wasKilled && ended.atUs < writtenUs)) return false;
    return ![journalTrouble, slowness("node")].some((who) =>
      troubles.touches(who, what.atUs, writtenUs),
    );
  }

  /** What comes again is known by the clock that it was made on. */
  #wasSet(agent: string, before: Taken, again: Taken, troubles: Troubles): boolean {
    return ["app", "supervisor"].some((part) =>
      troubles.touches(clocksApart(`${agent}/${part}`), before.atUs, again.atUs),
    );
  }

  #of(name: string): Agent {
    let agent = this.#agents.get(name);
    if (agent === undefined) {
      agent = { taken: new Map(), left: [] };
      this.#agents.set(name, agent);
    }
    return agent;
  }
}

/** A figure in the args of a rule; 0 for what is unknown, as of an empty window. */
function figureOf(text: unknown): number {
  return text === "unknown" ? 0 : Number(text);
}

/** The marks that sum up to this, least first. */
function marksIn(sum: number): number[] {
  const all: number[] = [];
  for (let mark = 1, rest = sum; rest >= 1; mark *= 2, rest = Math.floor(rest / 2))
    if (rest % 2 === 1) all.push(mark);
  return all;
}
