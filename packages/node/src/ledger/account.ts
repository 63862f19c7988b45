import {
  type InstructionStatus,
  instructionStatuses,
  type StageName,
  stageNames,
} from "@myelin/core/instruction";
import { Histogram, type HistogramState } from "@myelin/core/statistics";
import type { LedgerEntry } from "../ports/store.ts";

/** A distribution in microseconds; null while nothing was measured. */
export interface LatencyFigures {
  readonly count: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
  readonly mean: number | null;
}

/** What the ledger knows of one rule, or of all instructions. */
export interface AccountFigures {
  readonly counts: Readonly<Record<InstructionStatus, number>>;
  /** From the sample, or the call, to executed. */
  readonly totalUs: LatencyFigures;
  /** From the frame read to the instruction written. */
  readonly nodeUs: LatencyFigures;
  readonly stagesUs: Readonly<Record<StageName, LatencyFigures>>;
  /** Mean |T − mean T| of the executed, in microseconds. */
  readonly jitterUs: number | null;
  /** Jitter as a share of mean T. */
  readonly jitterOfMean: number | null;
  /** Jitter as a share of the rule's sla; null for all instructions together, and for rules without one. */
  readonly jitterOfSla: number | null;
  /** Share of the instructions with an sla that were executed within it. */
  readonly slaRate: number | null;
}

/** Everything that an account holds, as it is copied from one thread to another. */
export interface AccountState {
  readonly counts: Readonly<Record<InstructionStatus, number>>;
  readonly total: HistogramState;
  readonly node: HistogramState;
  readonly stages: Readonly<Record<StageName, HistogramState>>;
  readonly withSla: number;
  readonly withinSla: number;
}

/** What became of some instructions: counts, and distributions of their times. */
export class Account {
  readonly counts: Record<InstructionStatus, number>;
  /** From the sample, or the call, to executed. */
  readonly total: Histogram = new Histogram();
  /** From the frame read to the instruction written. */
  readonly node: Histogram = new Histogram();
  readonly stages: Readonly<Record<StageName, Histogram>>;
  #withSla = 0;
  #withinSla = 0;

  constructor() {
    this.counts = Object.fromEntries(instructionStatuses.map((status) => [status, 0])) as Record<
      InstructionStatus,
      number
    >;
    this.stages = Object.fromEntries(stageNames.map((stage) => [stage, new Histogram()])) as Record<
      StageName,
      Histogram
    >;
  }

  add({ document, nodeUs }: LedgerEntry): void {
    this.counts[document.status]++;
    if (nodeUs !== null) this.node.record(nodeUs);
    for (const stage of stageNames) {
      const durationUs = document.stagesUs[stage];
      if (durationUs !== null) this.stages[stage].record(durationUs);
    }
    if (document.status === "executed" && document.totalUs !== null)
      this.total.record(document.totalUs);
    if (document.withinSla === null) return;
    this.#withSla++;
    if (document.withinSla) this.#withinSla++;
  }

  /** Everything it holds now. */
  state(): AccountState {
    return {
      counts: { ...this.counts },
      total: this.total.state(),
      node: this.node.state(),
      stages: Object.fromEntries(
        stageNames.map((stage) => [stage, this.stages[stage].state()]),
      ) as Record<StageName, HistogramState>,
      withSla: this.#withSla,
      withinSla: this.#withinSla,
    };
  }

  /** Adds what another one held. */
  merge(other: AccountState): void {
    for (const status of instructionStatuses) this.counts[status] += other.counts[status];
    this.total.merge(Histogram.of(other.total));
    this.node.merge(Histogram.of(other.node));
    for (const stage of stageNames) this.stages[stage].merge(Histogram.of(other.stages[stage]));
    this.#withSla += other.withSla;
    this.#withinSla += other.withinSla;
  }

  /** `slaUs` is that of the rule; undefined for one without, and for all instructions together. */
  figures(slaUs: number | undefined): AccountFigures {
    const measured = this.total.count > 0;
    const jitterUs = measured ? this.total.meanAbsoluteDeviation() : null;
    return {
      counts: { ...this.counts },
      totalUs: figuresOf(this.total),
      nodeUs: figuresOf(this.node),
      stagesUs: Object.fromEntries(
        stageNames.map((stage) => [stage, figuresOf(this.stages[stage])]),
      ) as Record<StageName, LatencyFigures>,
      jitterUs,
      jitterOfMean: jitterUs === null || this.total.mean === 0 ? null : jitterUs / this.total.mean,
      jitterOfSla: jitterUs === null || slaUs === undefined ? null : jitterUs / slaUs,
      slaRate: this.#withSla === 0 ? null : this.#withinSla / this.#withSla,
    };
  }
}

function figuresOf(histogram: Histogram): LatencyFigures {
  const { count } = histogram;
  if (count === 0)
    return { count, p50: null, p90: null, p99: null, p999: null, max: null, mean: null };
  const at = (percent: number): number => Math.round(histogram.percentile(percent) * 10) / 10;
  return {
    count,
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: histogram.max,
    mean: Math.round(histogram.mean * 10) / 10,
  };
}
