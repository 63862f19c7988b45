/** What parts have reported, and what of it the node's engine was given: nothing is lost unsaid, and each at its time. */
/** Where a breach is told. */
interface Bench {
  breach(rule: string, what: string): void;
}

/** Samples in one report. */
const samplesOfReport = 3;
/** How far the node may place a report from when it was made: its estimate errs by half the worst round trip. */
const placementErrorUs = 2e6;
/** How far ahead meanwhile: before a whole exchange the estimate errs by the whole delay, which a stalled link stretches. */
const aheadUs = 8e6;

/** What one part has reported. */
interface Reports {
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

  /** A program reported for the `number`th time. */
  reported(part: string, incarnation: string, number: number, atUs: number): void {
    const reports = this.#of(part);
    if (reports.incarnation !== incarnation) {
      reports.incarnation = incarnation;
      reports.ofLife = [];
    }
    reports.madeAtUs.set(number, atUs);
    reports.ofLife.push(number);
  }

  /** The engine was given a report, placed at `timeUs` of the node's clock, which is true. */
  heard(
    part: string,
    report: { readonly number: number; readonly timeUs: number; readonly atUs: number },
    judge: Bench,
  ): void {
    const { number, timeUs, atUs } = report;
    const reports = this.#of(part);
    reports.heardAtUs.set(number, atUs);
    reports.lastErrorUs = timeUs - (reports.madeAtUs.get(number) ?? Number.NaN);
    // What was reported before the agent's clock was set forward may be placed too early, by as much.
    if (reports.lastErrorUs > aheadUs)
      judge.breach("no sample is placed ahead", `${part}: by ${reports.lastErrorUs} µs`);
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
        lastErrorUs: 0,
      };
      this.#parts.set(part, reports);
    }
    return reports;
  }
}
