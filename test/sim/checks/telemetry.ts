/** What parts have reported, and what of it the node's engine was given: nothing is lost unsaid, and each at its time. */
/** Where a breach is told. */
interface Bench {
  breach(rule: string, what: string): void;
}

/** Samples in one report, at the least. */
const samplesOfReport = 3;
/** How far the node may place a report from when it was made: its estimate errs by half the worst round trip. */
const placementErrorUs = 2e6;
/** How far ahead meanwhile: before a whole exchange the estimate errs by the whole delay, which a stalled link stretches. */
const aheadUs = 8e6;

/** How much too early the node may place what was made after a greeting, while nothing was slow: half a round trip, and drift. */
const greetedErrorUs = 700_000;

/** What was slow this long before a greeting may still show: its welcome was under way. */
const beforeGreetingUs = 3e6;

/** What one part has reported. */
interface Reports {
  /** True while the part has not greeted the node since a clock of its machine was last set or stood still. */
  isAstray: boolean;
  /** True time of its last greeting. */
  greetedAtUs: number;
  /** Reports whose place in time must be right: made after a greeting that told of all steps. */
  readonly sound: Map<number, number>;
  /** True time of each report, by its number. */
  readonly madeAtUs: Map<number, number>;
  /** Numbers of those that the present life made. */
  ofLife: number[];
  incarnation: string;
  /** True time at which the engine was last given each report, by its number. */
  readonly heardAtUs: Map<number, number>;
  /** The last that the engine was given: how far from its true time it was placed. */
  lastErrorUs: number;
}

export class TelemetryRecords {
  readonly #parts = new Map<string, Reports>();
  readonly #nowUs: () => number;
  readonly #wasSlow: (part: string, fromUs: number, untilUs: number) => boolean;

  /** `wasSlow` tells whether anything held up what a part and the node say to each other. */
  constructor(
    nowUs: () => number,
    wasSlow: (part: string, fromUs: number, untilUs: number) => boolean,
  ) {
    this.#nowUs = nowUs;
    this.#wasSlow = wasSlow;
  }

  /** A program reported for the `number`th time. */
  reported(part: string, incarnation: string, number: number, atUs: number): void {
    const reports = this.#of(part);
    if (reports.incarnation !== incarnation) {
      reports.incarnation = incarnation;
      reports.ofLife = [];
    }
    reports.madeAtUs.set(number, atUs);
    if (!reports.isAstray) reports.sound.set(number, reports.greetedAtUs);
    reports.ofLife.push(number);
  }

  /** The clocks of a part's machine do not agree any more. */
  stepped(part: string): void {
    const reports = this.#of(part);
    reports.isAstray = true;
    // What comes again behind the step may be placed by a clock that it was not made on.
    reports.sound.clear();
  }

  /** The node has welcomed a part, which has looked at its clocks to greet it. */
  greeted(part: string): void {
    const reports = this.#of(part);
    reports.isAstray = false;
    reports.greetedAtUs = this.#nowUs();
  }

  /** The engine was given a report, placed at `timeUs` of the node's clock, which is true. */
  heard(
    part: string,
    report: {
      readonly number: number;
      readonly timeUs: number;
      readonly atUs: number;
      readonly runBeganAtUs: number;
    },
    judge: Bench,
  ): void {
    const { number, timeUs, atUs, runBeganAtUs } = report;
    const reports = this.#of(part);
    reports.heardAtUs.set(number, atUs);
    reports.lastErrorUs = timeUs - (reports.madeAtUs.get(number) ?? Number.NaN);
    // What was reported before the agent's clock was set forward may be placed too early, by as much.
    const greetedAtUs = reports.sound.get(number);
    if (
      greetedAtUs !== undefined &&
      reports.lastErrorUs < -greetedErrorUs &&
      !this.#wasSlow(part, greetedAtUs - beforeGreetingUs, atUs)
    )
      judge.breach(
        "what is reported after a greeting is not placed before its time",
        `${part}: report ${number} is off by ${reports.lastErrorUs} µs`,
      );
    // What was kept over a start of the node is placed behind the episodes that were begun before that.
    if (reports.lastErrorUs > aheadUs && timeUs > runBeganAtUs)
      judge.breach("no sample is placed ahead", `${part}: by ${reports.lastErrorUs} µs`);
  }

  /** True while the engine was not given the last that a part reported. */
  isAwaited(part: string): boolean {
    const { ofLife, heardAtUs } = this.#of(part);
    const last = ofLife.at(-1);
    return last !== undefined && !heardAtUs.has(last);
  }

  /** What a life reported has come to a node, or is counted as dropped by its SDK; called when nothing is under way. */
  checkArrived(part: string, incarnation: string, droppedSamples: number, judge: Bench): void {
    const reports = this.#of(part);
    if (reports.incarnation !== incarnation) return;
    const missing = reports.ofLife.filter((number) => !reports.heardAtUs.has(number));
    if (missing.length * samplesOfReport > droppedSamples)
      judge.breach(
        "what is reported arrives or counts as dropped",
        `${part}: ${missing.length} reports, such as ${missing[0]}, with ${droppedSamples} samples dropped`,
      );
  }

  /** The last that the engine was given of a part is placed at about the time it was made. */
  checkPlaced(part: string, judge: Bench): void {
    const { lastErrorUs } = this.#of(part);
    if (!(Math.abs(lastErrorUs) <= placementErrorUs))
      judge.breach("a sample is placed at its time", `${part}: off by ${lastErrorUs} µs`);
  }

  #of(part: string): Reports {
    let reports = this.#parts.get(part);
    if (reports === undefined) {
      reports = {
        madeAtUs: new Map(),
        ofLife: [],
        incarnation: "",
        heardAtUs: new Map(),
        isAstray: true,
        greetedAtUs: Number.NaN,
        sound: new Map(),
        lastErrorUs: 0,
      };
      this.#parts.set(part, reports);
    }
    return reports;
  }
}
