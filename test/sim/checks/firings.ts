/**
 * What rules must decide of the samples that were applied, as their meaning has it, and what they decided: over
 * restarts, cuts and repetitions they fire where an uninterrupted run would.
 *
 * A sample that is behind its agent is evaluated at the agent's time: somewhere from its own instant to when it came,
 * so that it must fire only where even the shortest of what may count is long enough. Agents of
 * several parts are left out, for the spells of their parts mix; so is what comes while a former episode may still
 * cool down, and what is begun anew by right: a new life, a clock that was set, an agent that left, a rule that changed.
 */
import type { JsonObject } from "@myelin/core/json";
import { spellOf } from "../fleet/spells.ts";
import { aheadUs, type JudgedRule, judgedRules, type Report } from "./judged-rules.ts";
import type { Records } from "./records.ts";
import { clocksApart, type Troubles } from "./troubles.ts";

/** Where a breach is told, and what excuses one. */
interface Bench {
  readonly records: Records;
  readonly troubles: Troubles;
  readonly atBounds: ReadonlySet<string>;
  breach(rule: string, what: string): void;
}

/** How differently two runs of the node may place one instant. */
const placementUs = 2e6;

/** The epoch of reports of which it is not known whether rules were in force already. */
const beforeRules = -1;

/** A report as the engine was given it. */
interface Applied {
  readonly run: number;
  readonly epoch: number;
  readonly number: number;
  /** Event time on the node's clock. */
  readonly timeUs: number;
  /** True time. */
  readonly atUs: number;
}

/** What a report says to one rule. */
interface Said {
  /** Number of the stretch of reports at which the condition holds; undefined where it does not. */
  readonly spell: number | undefined;
  /** True where a firing rule resolves. */
  readonly isCalm: boolean;
}

/** A firing of a rule; of a further attempt the condition need not hold as it did. */
export interface Fired {
  readonly run: number;
  readonly id: string;
  readonly args: JsonObject;
  readonly sampleTimeUs: number;
  readonly attempt: number;
}

/** What is known of one agent's only part, by one rule. */
interface Course {
  readonly rule: JudgedRule;
  readonly said: Map<number, Said>;
  /** Spells by the memory that the reports of them told. */
  readonly spells: Map<number, number>;
  readonly fired: Fired[];
  latest: Said;
  lastSpell: number;
}

/** What is known of one agent's only part. */
interface Part {
  readonly applied: Applied[];
  /** By the rule's name. */
  readonly courses: ReadonlyMap<string, Course>;
  /** Counts what begins its rules anew. */
  epoch: number;
}

export class FiringRecords {
  readonly #parts = new Map<string, Part>();
  #epoch = 0;
  #areInForce = false;

  /** True from when the node has told that it has rules. */
  get areInForce(): boolean {
    return this.#areInForce;
  }

  reported(part: string, number: number, report: Report): void {
    for (const course of this.#of(part).courses.values()) {
      const { rule, latest } = course;
      const isHot = rule.isHot(report);
      if (isHot) course.lastSpell = rule.spellOf?.(report) ?? course.lastSpell;
      if (isHot && rule.spellOf === undefined && latest.spell === undefined) course.lastSpell += 1;
      const spell = isHot ? course.lastSpell : undefined;
      course.latest = { spell, isCalm: rule.isCalm(report) };
      course.said.set(number, course.latest);
      if (spell !== undefined) course.spells.set(report.memory, spell);
    }
  }

  applied(part: string, applied: Omit<Applied, "epoch">): void {
    const { epoch: own, applied: all } = this.#of(part);
    const epoch = this.#areInForce ? own + this.#epoch : beforeRules;
    all.push({ ...applied, epoch });
  }

  fired(part: string, rule: string, fired: Fired): void {
    this.#of(part).courses.get(rule)?.fired.push(fired);
  }

  /** The node has the rules that it was given; they begin anew. */
  inForce(): void {
    this.#areInForce = true;
    this.begunAnew();
  }

  /** The rules of a part's agent, or of all, begin anew. */
  begunAnew(part?: string): void {
    if (part === undefined) this.#epoch += 1;
    else this.#of(part).epoch += 1;
  }

  /** Judges what was decided for the agents with these parts. */
  check(parts: Iterable<string>, judge: Bench): void {
    for (const part of parts) {
      const { applied, courses } = this.#of(part);
      for (const course of courses.values()) {
        const spells = new Set<number>();
        for (const fired of course.fired) {
          if (fired.attempt > 1) continue;
          const spell = spellOfFiring(course, fired);
          if (spell === undefined)
            judge.breach(
              "a rule fires where its condition holds",
              `${course.rule.name}: ${fired.id} of ${part}`,
            );
          else {
            spells.add(spell);
            checkFired(part, course, applied, { ...fired, spell }, judge);
          }
        }
        for (const samples of Map.groupBy(applied, ({ run }) => run).values())
          checkRun(part, course, spells, samples, judge);
      }
    }
  }

  #of(name: string): Part {
    let part = this.#parts.get(name);
    if (part === undefined) {
      part = { applied: [], courses: new Map(judgedRules.map(courseOf)), epoch: 0 };
      this.#parts.set(name, part);
    }
    return part;
  }
}

function courseOf(rule: JudgedRule): [string, Course] {
  const latest: Said = { spell: undefined, isCalm: true };
  const [said, spells] = [new Map<number, Said>(), new Map<number, number>()];
  return [rule.name, { rule, said, spells, fired: [], latest, lastSpell: 0 }];
}

/** The spell that a firing tells of in its args. */
function spellOfFiring({ spells }: Course, { args }: Fired): number | undefined {
  return spellOf(args["reason"]) ?? spells.get(Number(args["memory"]));
}

/** It fires only where the condition has held for as long as it must. */
function checkFired(
  part: string,
  { rule, said }: Course,
  applied: readonly Applied[],
  fired: Fired & { readonly spell: number },
  judge: Bench,
): void {
  if (rule.forUs === 0) return;
  const { id, run, spell, sampleTimeUs } = fired;
  // One spell may follow another without a calm sample that came between them.
  const hot: Applied[] = [];
  for (const sample of applied.toSorted((one, other) => other.number - one.number)) {
    const its = said.get(sample.number)?.spell;
    if (its !== undefined && its <= spell) hot.push(sample);
    else if (its === undefined && hot.length > 0) break;
  }
  const sinceUs = Math.min(...hot.map(({ timeUs }) => timeUs));
  const isOfOneRun = hot.every((sample) => sample.run === run);
  const heldUs = sampleTimeUs - sinceUs + (isOfOneRun ? 0 : placementUs);
  if (heldUs < rule.forUs)
    judge.breach("a rule waits as long as it says", `${id} of ${part} after ${heldUs} µs`);
}

/** Where one run of the node was given all that it takes, it fires. */
function checkRun(
  part: string,
  course: Course,
  spells: Set<number>,
  samples: readonly Applied[],
  judge: Bench,
): void {
  const { rule, said } = course;
  const known = new Set<number>();
  let newestUs = Number.NEGATIVE_INFINITY;
  let calm: Applied | undefined;
  let resolved: Applied | undefined;
  let first: Applied | undefined;
  for (const [at, sample] of samples.entries()) {
    const { number, timeUs, epoch } = sample;
    // Of one instant the last counts.
    if (samples[at + 1]?.timeUs === timeUs) continue;
    const { spell, isCalm = false } = said.get(number) ?? {};
    if (timeUs < newestUs || known.has(number)) continue;
    known.add(number);
    newestUs = timeUs;
    if (epoch === beforeRules) continue;
    if (spell === undefined) {
      first = undefined;
      if (isCalm && calm?.epoch !== epoch) calm = sample;
      continue;
    }
    if (calm !== undefined && isOver(rule, calm, sample)) resolved = calm;
    calm = undefined;
    // It fires on until it resolves.
    if (spells.has(spell)) resolved = undefined;
    if (first?.epoch !== epoch || said.get(first.number)?.spell !== spell) first = sample;
    const isDue = rule.forUs === 0 || timeUs - first.atUs >= rule.forUs + aheadUs;
    if (!isDue || resolved?.epoch !== epoch) continue;
    if (isExcused(part, course, first, sample, judge)) continue;
    spells.add(spell);
    judge.breach(
      "a rule fires where it must",
      `${rule.name} of ${part}: spell ${spell}, from report ${first.number} to ${number}, in run ${sample.run}`,
    );
  }
}

/** True when what fired at a calm sample has resolved until another; both may be evaluated only as late as they came. */
function isOver({ resolvesAfterUs }: JudgedRule, calm: Applied, later: Applied): boolean {
  return resolvesAfterUs === 0 || later.timeUs - calm.atUs >= resolvesAfterUs;
}

/**
 * True when a former episode may still cool down, the part's clocks did not agree, or an earlier run had no room to keep
 * that an episode is over: its agent tells of it, and the samples at which it ended do not count again.
 */
function isExcused(
  part: string,
  { fired, rule }: Course,
  first: Applied,
  last: Applied,
  judge: Bench,
): boolean {
  if (judge.troubles.touches(clocksApart(part), first.atUs, last.atUs)) return true;
  if (first.run > 1 && judge.atBounds.has("maxEpisodes")) return true;
  return fired.some(({ id, sampleTimeUs }) => {
    if (sampleTimeUs > last.timeUs) return false;
    const { ends } = judge.records.of(id);
    // A run that had lost an end has it once more, and cools down from then.
    return ends.length === 0 || ends.some(({ atUs }) => atUs + rule.cooldownUs >= last.atUs);
  });
}
