/**
 * What the rule `spin` must decide of the samples that were applied, as RULES has it, and what it decided: over
 * restarts, cuts and repetitions it fires where an uninterrupted run would.
 *
 * A sample that is behind its agent is evaluated at the agent's time: somewhere from its own instant to when it came,
 * so that it must fire only where even the shortest of what may count is long enough. Agents of
 * several parts are left out, for the spells of their parts mix; so is what comes while a former episode may still
 * cool down, and what is begun anew by right: a new life, a clock that was set, an agent that left, a rule that changed.
 */
import type { Records } from "./records.ts";
import { clocksApart, type Troubles } from "./troubles.ts";

/** Where a breach is told, and what excuses one. */
interface Bench {
  readonly records: Records;
  readonly troubles: Troubles;
  breach(rule: string, what: string): void;
}

/** `for` of the rule, and the load below which it resolves. */
const forUs = 300_000;
const resolveBelow = 0.5;
/** The longest cooldown that the rule has in a run, and the time until the node has an end. */
const cooldownUs = 4e6;
/** How far ahead of the node's clock an agent's evaluation may be: by what was placed too late. */
const aheadUs = 300_000;
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

/** What a report said of the load. */
interface Load {
  readonly load: number;
  /** Undefined while it is calm. */
  readonly spell: number | undefined;
}

interface Fired {
  readonly run: number;
  readonly id: string;
  readonly spell: number;
  readonly sampleTimeUs: number;
  readonly attempt: number;
}

/** What is known of one agent's only part. */
interface Course {
  readonly loads: Map<number, Load>;
  readonly applied: Applied[];
  readonly fired: Fired[];
  /** Counts what begins its rules anew. */
  epoch: number;
}

export class FiringRecords {
  readonly #courses = new Map<string, Course>();
  #epoch = 0;
  #areInForce = false;

  /** True from when the node has told that it has rules. */
  get areInForce(): boolean {
    return this.#areInForce;
  }

  reported(part: string, number: number, load: Load): void {
    this.#of(part).loads.set(number, load);
  }

  applied(part: string, applied: Omit<Applied, "epoch">): void {
    const course = this.#of(part);
    const epoch = this.#areInForce ? course.epoch + this.#epoch : beforeRules;
    course.applied.push({ ...applied, epoch });
  }

  fired(part: string, fired: Fired): void {
    this.#of(part).fired.push(fired);
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
      const course = this.#of(part);
      for (const fired of course.fired) checkFired(part, course, fired, judge);
      for (const samples of Map.groupBy(course.applied, ({ run }) => run).values())
        checkRun(part, course, samples, judge);
    }
  }

  #of(part: string): Course {
    let course = this.#courses.get(part);
    if (course === undefined) {
      course = { loads: new Map(), applied: [], fired: [], epoch: 0 };
      this.#courses.set(part, course);
    }
    return course;
  }
}

/** It fires only where the condition has held for as long as it must. */
function checkFired(part: string, { loads, applied }: Course, fired: Fired, judge: Bench): void {
  const { id, run, spell, sampleTimeUs, attempt } = fired;
  if (attempt > 1) return;
  // One spell may follow another without a calm sample that came between them.
  const hot: Applied[] = [];
  for (const sample of applied.toSorted((one, other) => other.number - one.number)) {
    const its = loads.get(sample.number)?.spell;
    if (its !== undefined && its <= spell) hot.push(sample);
    else if (its === undefined && hot.length > 0) break;
  }
  const sinceUs = Math.min(...hot.map(({ timeUs }) => timeUs));
  const isOfOneRun = hot.every((sample) => sample.run === run);
  const heldUs = sampleTimeUs - sinceUs + (isOfOneRun ? 0 : placementUs);
  if (heldUs < forUs)
    judge.breach("a rule waits as long as it says", `${id} of ${part} after ${heldUs} µs`);
}

/** Where one run of the node was given all that it takes, it fires. */
function checkRun(part: string, course: Course, samples: readonly Applied[], judge: Bench): void {
  const { loads, fired } = course;
  const spells = new Set(fired.map(({ spell }) => spell));
  const known = new Set<number>();
  let newestUs = Number.NEGATIVE_INFINITY;
  let resolved: Applied | undefined;
  let first: Applied | undefined;
  for (const sample of samples) {
    const { number, timeUs, epoch } = sample;
    const { load, spell } = loads.get(number) ?? { load: Number.NaN, spell: undefined };
    if (timeUs < newestUs || known.has(number)) continue;
    known.add(number);
    newestUs = timeUs;
    if (epoch === beforeRules) continue;
    if (spell === undefined) {
      first = undefined;
      if (load < resolveBelow) resolved = sample;
      continue;
    }
    // It fires on until it resolves.
    if (spells.has(spell)) resolved = undefined;
    if (first?.epoch !== epoch || loads.get(first.number)?.spell !== spell) first = sample;
    if (timeUs - first.atUs < forUs + aheadUs || resolved?.epoch !== epoch) continue;
    if (isExcused(part, course, first, sample, judge)) continue;
    spells.add(spell);
    judge.breach(
      "a rule fires where it must",
      `${part}: spell ${spell}, from report ${first.number} to ${number}, in run ${sample.run}`,
    );
  }
}

/** True when a former episode may still cool down, or the part's clocks did not agree. */
function isExcused(
  part: string,
  { fired }: Course,
  first: Applied,
  last: Applied,
  judge: Bench,
): boolean {
  if (judge.troubles.touches(clocksApart(part), first.atUs, last.atUs)) return true;
  return fired.some(({ id, sampleTimeUs }) => {
    if (sampleTimeUs > last.timeUs) return false;
    const { ends } = judge.records.of(id);
    // A run that had lost an end has it once more, and cools down from then.
    return ends.length === 0 || ends.some(({ atUs }) => atUs + cooldownUs >= last.atUs);
  });
}
