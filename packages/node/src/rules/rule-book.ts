/**
 * The rules in force and every version of them.
 *
 * Invariants
 * 1. A file is applied wholly or not at all, and only after it is on disk.
 * 2. A rule's version counts its changes; its meaning version counts those that start its state afresh.
 * 3. Changes happen one after another, whoever asks for them.
 */
import type { Clock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { type RuleName, parseRuleName } from "@myelin/core/ids";
import { parseRuleFile, planRule, type RulePlan, type RuleProblem } from "@myelin/core/rules";
import { canonicalJson } from "../json/index.ts";
import type { RuleRecord, Store } from "../ports/store.ts";
import { doubtsAbout } from "./doubts.ts";

/** One rule in force. */
export interface RuleEntry {
  readonly plan: RulePlan;
  readonly version: number;
  readonly meaningVersion: number;
  readonly createdAtUs: number;
  readonly actor: string;
}

/** What an application did, rule by rule. */
export interface RuleChange {
  readonly name: RuleName;
  readonly version: number;
  readonly change: "created" | "updated" | "unchanged" | "deleted";
}

export interface RuleBookOptions {
  readonly clock: Clock;
  readonly store: Pick<Store, "saveRules" | "ruleVersions">;
  /** Puts the whole set in force. */
  readonly enforce: (rules: readonly RuleEntry[], nowUs: number) => void;
  /** Most rules in force. */
  readonly maxRules: number;
  /** True for a metric that an agent has reported, or the node observes itself. */
  readonly knowsMetric: (name: string) => boolean;
}

/** A name's latest version, in force or deleted. */
interface Latest {
  readonly version: number;
  readonly meaningVersion: number;
  /** Undefined once deleted, or when this version of Myelin cannot read it. */
  readonly entry: RuleEntry | undefined;
}

export class RuleBook {
  readonly #options: RuleBookOptions;
  readonly #latest = new Map<RuleName, Latest>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: RuleBookOptions) {
    this.#options = options;
  }

  /** Puts in force what was kept; returns the problems of rules that cannot be read any more. */
  restore(records: readonly RuleRecord[]): RuleProblem[] {
    const problems: RuleProblem[] = [];
    for (const record of records) {
      const planned = record.isDeleted ? undefined : planRule(record.source);
      if (planned !== undefined && planned.plan === undefined) problems.push(...planned.problems);
      const plan = planned?.plan;
      const entry = plan === undefined ? undefined : { ...record, plan };
      this.#latest.set(parseRuleName(record.name), {
        version: record.version,
        meaningVersion: record.meaningVersion,
        entry,
      });
    }
    this.#enforce();
    return problems;
  }

  /** The rules in force, by name. */
  list(): RuleEntry[] {
    const entries = [...this.#latest.values()].flatMap(({ entry }) =>
      entry === undefined ? [] : [entry],
    );
    return entries.sort((a, b) => (a.plan.name < b.plan.name ? -1 : 1));
  }

  get(name: RuleName): RuleEntry | undefined {
    return this.#latest.get(name)?.entry;
  }

  async versions(name: RuleName): Promise<readonly RuleRecord[]> {
    return await this.#options.store.ruleVersions(name);
  }

  /**
   * Applies a rule file: what it names is created or updated, other rules stay. The warnings name rules and
   * metrics that the node does not know.
   * @throws MyelinError RULE_INVALID with details.problems, RESOURCE_EXHAUSTED, and the store's errors
   */
  async apply(
    text: string,
    actor: string,
  ): Promise<{ changes: RuleChange[]; warnings: readonly RuleProblem[] }> {
    const { rules, problems } = parseRuleFile(text);
    const errors = problems.filter(({ severity }) => severity === "error");
    if (errors.length > 0) throw invalidRules(errors);
    return await this.#inTurn(async () => {
      const changes = await this.#applyPlans(rules, actor);
      const doubts = doubtsAbout(rules, text, {
        hasRule: (name) => this.get(name) !== undefined,
        knowsMetric: this.#options.knowsMetric,
      });
      return { changes, warnings: [...problems, ...doubts] };
    });
  }

  /** @throws MyelinError NOT_FOUND, and the store's errors */
  async delete(name: RuleName, actor: string): Promise<RuleChange> {
    return await this.#inTurn(async () => {
      const latest = this.#latest.get(name);
      if (latest?.entry === undefined)
        throw new MyelinError("NOT_FOUND", `there is no rule ${name}`);
      const version = latest.version + 1;
      const createdAtUs = this.#options.clock.nowUs();
      const record: RuleRecord = {
        name,
        version,
        meaningVersion: latest.meaningVersion,
        source: latest.entry.plan.source,
        createdAtUs,
        actor,
        isDeleted: true,
      };
      await this.#options.store.saveRules([record]);
      this.#latest.set(name, { version, meaningVersion: latest.meaningVersion, entry: undefined });
      this.#enforce();
      return { name, version, change: "deleted" };
    });
  }

  async #applyPlans(plans: readonly RulePlan[], actor: string): Promise<RuleChange[]> {
    const createdAtUs = this.#options.clock.nowUs();
    const entries: RuleEntry[] = [];
    const changes: RuleChange[] = [];
    for (const plan of plans) {
      const latest = this.#latest.get(plan.name);
      const current = latest?.entry;
      if (latest !== undefined && current !== undefined && sameSource(current.plan, plan)) {
        changes.push({ name: plan.name, version: latest.version, change: "unchanged" });
        continue;
      }
      const version = (latest?.version ?? 0) + 1;
      const keepsMeaning = current !== undefined && current.plan.meaning === plan.meaning;
      const meaningVersion = keepsMeaning
        ? current.meaningVersion
        : (latest?.meaningVersion ?? 0) + 1;
      entries.push({ plan, version, meaningVersion, createdAtUs, actor });
      changes.push({
        name: plan.name,
        version,
        change: current === undefined ? "created" : "updated",
      });
    }
    if (entries.length === 0) return changes;
    const created = changes.filter(({ change }) => change === "created").length;
    if (this.list().length + created > this.#options.maxRules) {
      throw new MyelinError(
        "RESOURCE_EXHAUSTED",
        `the node takes ${this.#options.maxRules} rules at the most`,
      );
    }
    await this.#options.store.saveRules(entries.map(recordOf));
    for (const entry of entries)
      this.#latest.set(entry.plan.name, {
        version: entry.version,
        meaningVersion: entry.meaningVersion,
        entry,
      });
    this.#enforce();
    return changes;
  }

  #enforce(): void {
    this.#options.enforce(this.list(), this.#options.clock.nowUs());
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => undefined);
    return await result;
  }
}

function recordOf(entry: RuleEntry): RuleRecord {
  const { plan, version, meaningVersion, createdAtUs, actor } = entry;
  return {
    name: plan.name,
    version,
    meaningVersion,
    source: plan.source,
    createdAtUs,
    actor,
    isDeleted: false,
  };
}

/** True when the rule is written alike, whatever the order of its fields. */
function sameSource(a: RulePlan, b: RulePlan): boolean {
  return canonicalJson(a.source) === canonicalJson(b.source);
}

function invalidRules(errors: readonly RuleProblem[]): MyelinError {
  const first = errors[0];
  const where =
    first === undefined
      ? ""
      : `${first.rule === undefined ? "" : `rule ${first.rule}, `}line ${first.line}, column ${first.column}: `;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return new MyelinError(
    "RULE_INVALID",
    `${where}${first?.message ?? "the file has errors"}${more}`,
    {
      ...(first?.hint === undefined ? {} : { hint: first.hint }),
      details: { problems: errors.map((problem) => ({ ...problem })) },
    },
  );
}
