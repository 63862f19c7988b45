/**
 * Accounts every ended instruction: its stages into histograms, its document into the store.
 *
 * Invariants
 * 1. Each ended instruction is accounted once; nothing else in the node measures latency.
 * 2. Nobody waits for it: documents are written behind, in groups. What waits is bounded by the store.
 * 3. Figures are kept for a bounded number of rules: beyond, the rule that came first is forgotten.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import type { RuleName } from "@myelin/core/ids";
import {
  type InstructionDocument,
  type InstructionStatus,
  instructionStatuses,
  type StageName,
  stageNames,
} from "@myelin/core/instruction";
import { Histogram } from "@myelin/core/statistics";
import { documentOf, type Instruction, nodeDurationUs } from "../instruction/index.ts";
import type { LedgerEntry, Store } from "../ports/store.ts";

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

class Account {
  readonly counts: Record<InstructionStatus, number>;
  readonly #total = new Histogram();
  readonly #node = new Histogram();
  readonly #stages: Readonly<Record<StageName, Histogram>>;
  #withSla = 0;
  #withinSla = 0;
  #slaUs: number | undefined;

  constructor() {
    this.counts = Object.fromEntries(instructionStatuses.map((status) => [status, 0])) as Record<
      InstructionStatus,
      number
    >;
    this.#stages = Object.fromEntries(
      stageNames.map((stage) => [stage, new Histogram()]),
    ) as Record<StageName, Histogram>;
  }

  add(instruction: Instruction, entry: LedgerEntry): void {
    const { document, nodeUs } = entry;
    this.counts[document.status]++;
    if (nodeUs !== null) this.#node.record(nodeUs);
    for (const stage of stageNames) {
      const durationUs = document.stagesUs[stage];
      if (durationUs !== null) this.#stages[stage].record(durationUs);
    }
    if (document.status === "executed" && document.totalUs !== null)
      this.#total.record(document.totalUs);
    this.#slaUs = instruction.slaUs;
    if (document.withinSla === null) return;
    this.#withSla++;
    if (document.withinSla) this.#withinSla++;
  }

  figures(isOfOneRule: boolean): AccountFigures {
    const measured = this.#total.count > 0;
    const jitterUs = measured ? this.#total.meanAbsoluteDeviation() : null;
    return {
      counts: { ...this.counts },
      totalUs: figuresOf(this.#total),
      nodeUs: figuresOf(this.#node),
      stagesUs: Object.fromEntries(
        stageNames.map((stage) => [stage, figuresOf(this.#stages[stage])]),
      ) as Record<StageName, LatencyFigures>,
      jitterUs,
      jitterOfMean:
        jitterUs === null || this.#total.mean === 0 ? null : jitterUs / this.#total.mean,
      jitterOfSla:
        jitterUs === null || !isOfOneRule || this.#slaUs === undefined
          ? null
          : jitterUs / this.#slaUs,
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

export interface LedgerOptions {
  readonly clock: Clock;
  readonly store: Pick<Store, "appendLedger">;
  /** How long entries are collected before they are handed to the store. */
  readonly groupDelayUs: number;
}

/** Most rules that figures are kept for. */
const maxRules = 10_000;

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #all = new Account();
  readonly #rules = new Map<RuleName, Account>();
  #group: LedgerEntry[] = [];
  #settled: Promise<boolean> | undefined;
  #resolveSettled: ((isOnDisk: boolean | Promise<boolean>) => void) | undefined;
  #timer: Timer | undefined;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** Accounts an ended instruction; `isOnDisk` resolves to true when it is there, to false when it was dropped. */
  account(instruction: Instruction): {
    readonly document: InstructionDocument;
    readonly isOnDisk: Promise<boolean>;
  } {
    const document = documentOf(instruction);
    const entry: LedgerEntry = {
      document,
      nodeUs: nodeDurationUs(instruction.times),
      ...(instruction.episode === undefined
        ? {}
        : { episode: { ...instruction.episode, agent: instruction.agent } }),
    };
    this.#all.add(instruction, entry);
    if (instruction.episode !== undefined)
      this.#accountOf(instruction.episode.rule).add(instruction, entry);
    this.#group.push(entry);
    this.#settled ??= new Promise((resolve) => {
      this.#resolveSettled = resolve;
    });
    this.#timer ??= this.#options.clock.schedule(this.#options.groupDelayUs, () => this.flush());
    return { document, isOnDisk: this.#settled };
  }

  /** Hands what was collected to the store at once. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#group.length === 0) return;
    const entries = this.#group;
    this.#group = [];
    this.#resolveSettled?.(this.#options.store.appendLedger(entries));
    this.#settled = undefined;
    this.#resolveSettled = undefined;
  }

  /** Figures of all instructions since the node started. */
  figures(): AccountFigures {
    return this.#all.figures(false);
  }

  /** Figures of each rule since the node started. */
  figuresByRule(): ReadonlyMap<RuleName, AccountFigures> {
    return new Map([...this.#rules].map(([rule, account]) => [rule, account.figures(true)]));
  }

  #accountOf(rule: RuleName): Account {
    let account = this.#rules.get(rule);
    if (account === undefined) {
      account = new Account();
      this.#rules.set(rule, account);
      const [first] = this.#rules.keys();
      if (this.#rules.size > maxRules && first !== undefined) this.#rules.delete(first);
    }
    return account;
  }
}
