/**
 * Accounts every ended instruction: its stages into histograms, its document into the store.
 *
 * Invariants
 * 1. Each ended instruction is accounted once; nothing else in the node measures latency.
 * 2. Nobody waits for it: documents are written behind, in groups. What waits is bounded by the store.
 * 3. Figures are kept for a bounded number of rules: beyond, the rule that came first is forgotten.
 * 4. What was accounted in an earlier life of the node is in the figures, and in no count of this life.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import type { RuleName } from "@myelin/core/ids";
import {
  type InstructionDocument,
  type InstructionStatus,
  parseTime,
} from "@myelin/core/instruction";
import { documentOf, type Instruction, nodeDurationUs } from "../instruction/index.ts";
import type { LedgerEntry, Store } from "../ports/store.ts";
import { Account, type AccountFigures, type AccountState } from "./account.ts";

export interface LedgerOptions {
  readonly clock: Clock;
  readonly store: Pick<Store, "appendLedger">;
  /** How long entries are collected before they are handed to the store. */
  readonly groupDelayUs: number;
  /** The sla of a rule of which nothing has ended in this life of the node. */
  readonly slaUsOf?: (rule: RuleName) => number | undefined;
}

/** Most rules that figures are kept for. */
const maxRules = 10_000;

/** What is known of one rule; its sla is that of the instruction that ended last. */
interface RuleAccount {
  readonly account: Account;
  slaUs: number | undefined;
}

/** Everything that the figures of a ledger are made of, as it is copied from one thread to another. */
export interface LedgerState {
  readonly sinceUs: number;
  readonly all: AccountState;
  readonly rules: readonly {
    readonly rule: RuleName;
    readonly slaUs: number | undefined;
    readonly account: AccountState;
  }[];
}

/** What a ledger, or several together, tell. */
export interface LedgerReading {
  /** The figures are of what ended from this instant on. */
  readonly sinceUs: number;
  figures(): AccountFigures;
  figuresByRule(): ReadonlyMap<RuleName, AccountFigures>;
}

/** What the ledgers of several lanes tell together. */
export function readingOf(states: readonly LedgerState[]): LedgerReading {
  const all = new Account();
  const rules = new Map<RuleName, RuleAccount>();
  for (const state of states) {
    all.merge(state.all);
    for (const { rule, slaUs, account } of state.rules) {
      const known = rules.get(rule) ?? { account: new Account(), slaUs };
      known.account.merge(account);
      known.slaUs ??= slaUs;
      rules.set(rule, known);
    }
  }
  return {
    sinceUs: Math.min(...states.map(({ sinceUs }) => sinceUs)),
    figures: () => all.figures(undefined),
    figuresByRule: () =>
      new Map([...rules].map(([rule, { account, slaUs }]) => [rule, account.figures(slaUs)])),
  };
}

export class Ledger implements LedgerReading {
  readonly #options: LedgerOptions;
  readonly #thisLife = new Account();
  readonly #earlierLives = new Account();
  readonly #rules = new Map<RuleName, RuleAccount>();
  #sinceUs: number;
  #group: LedgerEntry[] = [];
  #settled: Promise<boolean> | undefined;
  #resolveSettled: ((isOnDisk: boolean | Promise<boolean>) => void) | undefined;
  #timer: Timer | undefined;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#sinceUs = options.clock.nowUs();
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
    this.#add(this.#thisLife, entry);
    if (instruction.episode !== undefined)
      this.#accountOf(instruction.episode.rule).slaUs = instruction.slaUs;
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

  /** Takes an entry of an earlier life of the node into the figures. */
  restore(entry: LedgerEntry): void {
    this.#add(this.#earlierLives, entry);
    const { endedAt, createdAt } = entry.document;
    this.#sinceUs = Math.min(this.#sinceUs, parseTime(endedAt ?? createdAt));
  }

  /** Instructions that ended in this life of the node, by status. */
  get endedCounts(): Readonly<Record<InstructionStatus, number>> {
    return this.#thisLife.counts;
  }

  /** How long what ended in this life of the node took. */
  get thisLife(): Pick<Account, "total" | "node" | "stages"> {
    return this.#thisLife;
  }

  /** The figures are of what ended from this instant on. */
  get sinceUs(): number {
    return this.#sinceUs;
  }

  /** Everything that its figures are made of. */
  state(): LedgerState {
    return {
      sinceUs: this.#sinceUs,
      all: this.#all().state(),
      rules: [...this.#rules].map(([rule, { account, slaUs }]) => ({
        rule,
        slaUs: slaUs ?? this.#options.slaUsOf?.(rule),
        account: account.state(),
      })),
    };
  }

  /** Figures of all instructions. */
  figures(): AccountFigures {
    return this.#all().figures(undefined);
  }

  /** Figures of each rule. */
  figuresByRule(): ReadonlyMap<RuleName, AccountFigures> {
    const { slaUsOf } = this.#options;
    return new Map(
      [...this.#rules].map(([rule, { account, slaUs }]) => [
        rule,
        account.figures(slaUs ?? slaUsOf?.(rule)),
      ]),
    );
  }

  #all(): Account {
    const all = new Account();
    all.merge(this.#earlierLives.state());
    all.merge(this.#thisLife.state());
    return all;
  }

  #add(life: Account, entry: LedgerEntry): void {
    // A name that the ledger has kept was one when it was written.
    const rule = entry.document.rule as RuleName | null;
    life.add(entry);
    if (rule !== null) this.#accountOf(rule).account.add(entry);
  }

  #accountOf(rule: RuleName): RuleAccount {
    let account = this.#rules.get(rule);
    if (account === undefined) {
      account = { account: new Account(), slaUs: undefined };
      this.#rules.set(rule, account);
      const [first] = this.#rules.keys();
      if (this.#rules.size > maxRules && first !== undefined) this.#rules.delete(first);
    }
    return account;
  }
}
