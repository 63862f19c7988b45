/**
 * The rules in force and every version of them.
 *
 * Invariants
 * 1. A file is applied wholly or not at all, and only after it is on disk.
 * 2. A rule's version counts its changes; its meaning version counts those that start its state afresh.
 * 3. Changes happen one after another, whoever asks for them. What changes nothing makes no version.
 * 4. Reading, checking and compiling rules is done in slices, and the turn in which they come into
 *    force is one: nobody sees half of a file.
 */
import type { Clock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { type RuleName, parseRuleName } from "@myelin/core/ids";
import {
  invalidRules,
  planRule,
  readRuleFile,
  ruleLimits,
  type RulePlan,
  type RuleProblem,
} from "@myelin/core/rules";
import { canonicalJson } from "../json/index.ts";
import type { RuleRecord, Store } from "../ports/store.ts";
import { differenceOf, type RuleDifference } from "./difference.ts";
import { doubtsAbout } from "./doubts.ts";
import { etagOf, type Precondition, requireMatch } from "./etag.ts";
import { atOnce, Slices } from "./slices.ts";

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

/** What became of a file. */
export interface Application {
  readonly changes: readonly RuleChange[];
  readonly warnings: readonly RuleProblem[];
  /** From when its changes decide, microseconds since the Unix epoch; undefined when nothing changed. */
  readonly inForceAtUs: number | undefined;
}

/** How a change is to be made. */
export interface ApplyOptions extends Precondition {
  /** Rules that the file does not name are deleted. */
  readonly replacesAll?: boolean;
  /** Told what the file calls its rules, before anything of it can be refused. */
  readonly onRead?: (names: readonly string[]) => void;
}

export interface RuleBookOptions {
  readonly clock: Clock;
  readonly store: Pick<Store, "saveRules" | "ruleVersions">;
  /** Prepares the whole set, step by step; what it returns puts it in force at once. */
  readonly prepare: (rules: readonly RuleEntry[]) => Generator<void, (nowUs: number) => void>;
  /** Most rules in force. */
  readonly maxRules: number;
  /** True for a metric that an agent has reported, or the node observes itself. */
  readonly knowsMetric: (name: string) => boolean;
  /** About how often a metric comes from an agent; undefined where that is not known. */
  readonly samplingIntervalUs?: (name: string) => number | undefined;
  /**
   * Has the books of other lanes prepare the same change (by `follow`); what it gives puts it in force in all of them.
   * @throws MyelinError when one of them cannot: then it is in force nowhere
   */
  readonly prepareOthers?: (records: readonly RuleRecord[]) => Promise<() => Promise<void>>;
}

/** A name's latest version, in force or deleted. */
interface Latest {
  readonly name: RuleName;
  readonly version: number;
  readonly meaningVersion: number;
  readonly createdAtUs: number;
  /** Undefined once deleted, or when this version of Myelin cannot read it. */
  readonly entry: RuleEntry | undefined;
}

/** A turn that has taken longer does not go on to put a set in force. */
const beforePutUs = 100;

/** What is to be kept, and to be in force then. */
interface Revision {
  readonly record: RuleRecord;
  readonly plan: RulePlan | undefined;
}

export class RuleBook {
  readonly #options: RuleBookOptions;
  readonly #latest = new Map<RuleName, Latest>();
  #turn: Promise<unknown> = Promise.resolve();
  #etag: string | undefined;

  constructor(options: RuleBookOptions) {
    this.#options = options;
  }

  /** Puts in force what was kept; returns the problems of rules that cannot be read any more. */
  restore(records: readonly RuleRecord[]): RuleProblem[] {
    const problems: RuleProblem[] = [];
    for (const record of records) {
      const planned = record.isDeleted ? undefined : planRule(record.source);
      if (planned !== undefined && planned.plan === undefined) problems.push(...planned.problems);
      this.#note({ record, plan: planned?.plan });
    }
    const { clock, prepare } = this.#options;
    atOnce(prepare(this.list()))(clock.nowUs());
    return problems;
  }

  /** The entity tag of all rules as they are. */
  get etag(): string {
    return (this.#etag ??= etagOf(this.#latest.values()));
  }

  /** The rules in force, by name. */
  list(): RuleEntry[] {
    return entriesOf(this.#latest.values());
  }

  get(name: RuleName): RuleEntry | undefined {
    return this.#latest.get(name)?.entry;
  }

  /**
   * Every version of a rule, oldest first, deletions too.
   * @throws MyelinError NOT_FOUND for a rule that never was, and the store's errors
   */
  async versions(name: RuleName): Promise<readonly RuleRecord[]> {
    if (!this.#latest.has(name)) throw unknownRule(name);
    return await this.#options.store.ruleVersions(name);
  }

  /**
   * What changed between two versions: by default from the one before to the latest.
   * @throws MyelinError NOT_FOUND, and the store's errors
   */
  async difference(name: RuleName, from?: number, to?: number): Promise<RuleDifference> {
    const versions = await this.versions(name);
    const later = to === undefined ? versions.at(-1) : versionOf(name, versions, to);
    if (later === undefined) throw unknownRule(name);
    const earlier =
      from === undefined
        ? versions.findLast(({ version }) => version < later.version)
        : versionOf(name, versions, from);
    return differenceOf(earlier, later);
  }

  /**
   * Applies a rule file: what it names is created or updated, other rules stay unless it replaces all. The
   * warnings name rules and metrics that the node does not know.
   * @throws MyelinError RULE_INVALID with details.problems, PRECONDITION_FAILED, RESOURCE_EXHAUSTED, and the store's errors
   */
  async apply(text: string, actor: string, options: ApplyOptions = {}): Promise<Application> {
    const slices = new Slices(this.#options.clock);
    const { samplingIntervalUs } = this.#options;
    const known = samplingIntervalUs === undefined ? {} : { samplingIntervalUs };
    const how = { ...known, maxYamlLength: ruleLimits.sentYamlLength };
    const { rules, problems, names } = await slices.run(readRuleFile(text, how));
    options.onRead?.(names);
    const errors = problems.filter(({ severity }) => severity === "error");
    if (errors.length > 0) throw invalidRules(errors);
    return await this.#inTurn(async () => {
      this.#require(options);
      const applied = await this.#applyPlans(rules, actor, options.replacesAll ?? false, slices);
      const present = {
        hasRule: (name: RuleName) => this.get(name) !== undefined,
        knowsMetric: this.#options.knowsMetric,
      };
      const doubts = await slices.run(doubtsAbout(rules, text, present));
      return { ...applied, warnings: [...problems, ...doubts] };
    });
  }

  /** @throws MyelinError NOT_FOUND, PRECONDITION_FAILED, and the store's errors */
  async delete(
    name: RuleName,
    actor: string,
    precondition: Precondition = {},
  ): Promise<RuleChange> {
    return await this.#inTurn(async () => {
      this.#require(precondition);
      const latest = this.#latest.get(name);
      if (latest?.entry === undefined) throw unknownRule(name);
      const record = deletionOf(latest, latest.entry, this.#options.clock.nowUs(), actor);
      await this.#putInForce([{ record, plan: undefined }], new Slices(this.#options.clock));
      return { name, version: record.version, change: "deleted" };
    });
  }

  /**
   * Takes up the content of an earlier version again, as a new version: by default of the one before the latest.
   * @throws MyelinError NOT_FOUND, CONFLICT when there is nothing to go back to, RULE_INVALID when this version of
   * Myelin cannot read it, PRECONDITION_FAILED, RESOURCE_EXHAUSTED, and the store's errors
   */
  async rollback(
    name: RuleName,
    to: number | undefined,
    actor: string,
    precondition: Precondition = {},
  ): Promise<RuleChange & { rolledBackTo: number }> {
    return await this.#inTurn(async () => {
      this.#require(precondition);
      const target = targetOf(name, await this.versions(name), to);
      const { plan, problems } = planRule(target.source);
      if (plan === undefined) throw invalidRules(problems);
      const revision = this.#revisionOf(plan, actor, target.version);
      const rolledBackTo = target.version;
      if (revision === undefined) {
        const version = this.#latest.get(name)?.version ?? 0;
        return { name, version, change: "unchanged", rolledBackTo };
      }
      const isNew = this.get(name) === undefined;
      if (isNew) this.#requireRoom(1);
      await this.#putInForce([revision], new Slices(this.#options.clock));
      const { version } = revision.record;
      return { name, version, change: isNew ? "created" : "updated", rolledBackTo };
    });
  }

  async #applyPlans(
    plans: readonly RulePlan[],
    actor: string,
    replacesAll: boolean,
    slices: Slices,
  ): Promise<Pick<Application, "changes" | "inForceAtUs">> {
    const revisions: Revision[] = [];
    const changes: RuleChange[] = [];
    let more = 0;
    for (const plan of plans) {
      await slices.rest();
      const { name } = plan;
      const latest = this.#latest.get(name);
      const revision = this.#revisionOf(plan, actor);
      if (revision === undefined) {
        changes.push({ name, version: latest?.version ?? 0, change: "unchanged" });
        continue;
      }
      const isNew = latest?.entry === undefined;
      if (isNew) more += 1;
      revisions.push(revision);
      const { version } = revision.record;
      changes.push({ name, version, change: isNew ? "created" : "updated" });
    }
    if (replacesAll) {
      const named = new Set(plans.map(({ name }) => name));
      const nowUs = this.#options.clock.nowUs();
      for (const latest of this.#latest.values()) {
        if (latest.entry === undefined || named.has(latest.name)) continue;
        const record = deletionOf(latest, latest.entry, nowUs, actor);
        revisions.push({ record, plan: undefined });
        changes.push({ name: latest.name, version: record.version, change: "deleted" });
        more -= 1;
      }
    }
    this.#requireRoom(more);
    const inForceAtUs =
      revisions.length > 0 ? await this.#putInForce(revisions, slices) : undefined;
    return { changes, inForceAtUs };
  }

  /** The next version of a rule; undefined when it would be as the present one. */
  #revisionOf(plan: RulePlan, actor: string, rolledBackTo?: number): Revision | undefined {
    const latest = this.#latest.get(plan.name);
    const current = latest?.entry;
    if (current !== undefined && sameSource(current.plan, plan)) return undefined;
    const keepsMeaning = current !== undefined && current.plan.meaning === plan.meaning;
    const record: RuleRecord = {
      name: plan.name,
      version: (latest?.version ?? 0) + 1,
      meaningVersion: keepsMeaning ? current.meaningVersion : (latest?.meaningVersion ?? 0) + 1,
      source: plan.source,
      createdAtUs: this.#options.clock.nowUs(),
      actor,
      isDeleted: false,
      ...(rolledBackTo === undefined ? {} : { rolledBackTo }),
    };
    return { record, plan };
  }

  /** Writes the revisions, prepares the set with them while the disk is at work, and then puts it in force; gives the time of that. */
  async #putInForce(revisions: readonly Revision[], slices: Slices): Promise<number> {
    const { clock, store, prepareOthers } = this.#options;
    const records = revisions.map(({ record }) => record);
    const putInOthers = prepareOthers && (await prepareOthers(records));
    const saved = store.saveRules(records);
    // It is awaited below, also when the preparation is longer than the disk, or fails.
    saved.catch(() => undefined);
    const put = await this.#prepared(revisions, slices);
    await saved;
    // The turn in which the set is put in force does nothing else.
    await slices.rest(beforePutUs);
    const nowUs = put();
    await slices.rest(beforePutUs);
    if (putInOthers === undefined) return nowUs;
    await putInOthers();
    return clock.nowUs();
  }

  /**
   * Prepares a change that another book of the node makes; what it gives puts it in force.
   * @throws MyelinError RULE_INVALID
   */
  async follow(records: readonly RuleRecord[]): Promise<() => number> {
    const revisions = records.map((record): Revision => {
      if (record.isDeleted) return { record, plan: undefined };
      const { plan, problems } = planRule(record.source);
      if (plan === undefined) throw invalidRules(problems);
      return { record, plan };
    });
    return await this.#prepared(revisions, new Slices(this.#options.clock));
  }

  async #prepared(revisions: readonly Revision[], slices: Slices): Promise<() => number> {
    const { clock, prepare } = this.#options;
    const latest = new Map(this.#latest);
    for (const revision of revisions)
      latest.set(parseRuleName(revision.record.name), latestOf(revision));
    const put = await slices.run(prepare(entriesOf(latest.values())));
    return () => {
      for (const revision of revisions) this.#note(revision);
      const nowUs = clock.nowUs();
      put(nowUs);
      return nowUs;
    };
  }

  #note(revision: Revision): void {
    const latest = latestOf(revision);
    this.#latest.set(latest.name, latest);
    this.#etag = undefined;
  }

  #require(precondition: Precondition): void {
    requireMatch(precondition, { etag: this.etag, count: this.list().length });
  }

  #requireRoom(more: number): void {
    const { maxRules } = this.#options;
    if (more <= 0 || this.list().length + more <= maxRules) return;
    throw new MyelinError("RESOURCE_EXHAUSTED", `the node takes ${maxRules} rules at the most`);
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => undefined);
    return await result;
  }
}

function latestOf({ record, plan }: Revision): Latest {
  const { version, meaningVersion, createdAtUs, actor } = record;
  const entry =
    plan === undefined ? undefined : { plan, version, meaningVersion, createdAtUs, actor };
  return { name: parseRuleName(record.name), version, meaningVersion, createdAtUs, entry };
}

/** The rules in force, by name. */
function entriesOf(latest: Iterable<Latest>): RuleEntry[] {
  const entries = [...latest].flatMap(({ entry }) => entry ?? []);
  return entries.sort((a, b) => (a.plan.name < b.plan.name ? -1 : 1));
}

/** The version that says that a rule was deleted. */
function deletionOf(
  latest: Latest,
  entry: RuleEntry,
  createdAtUs: number,
  actor: string,
): RuleRecord {
  const { name, version, meaningVersion } = latest;
  const { source } = entry.plan;
  return {
    name,
    version: version + 1,
    meaningVersion,
    source,
    createdAtUs,
    actor,
    isDeleted: true,
  };
}

function versionOf(name: RuleName, versions: readonly RuleRecord[], version: number): RuleRecord {
  const found = versions.find((record) => record.version === version);
  if (found !== undefined) return found;
  throw new MyelinError("NOT_FOUND", `rule ${name} has no version ${version}`, {
    hint: `See which it has with \`myelin rules versions ${name}\`.`,
  });
}

/** The version that a rollback takes up again. */
function targetOf(
  name: RuleName,
  versions: readonly RuleRecord[],
  to: number | undefined,
): RuleRecord {
  const latest = versions.at(-1);
  const target =
    to === undefined
      ? versions.findLast(({ version, isDeleted }) => version !== latest?.version && !isDeleted)
      : versionOf(name, versions, to);
  if (target === undefined) {
    throw new MyelinError("CONFLICT", `rule ${name} has no earlier version to go back to`, {
      hint: `Apply a file with what it should be, or delete it with \`myelin rules delete ${name}\`.`,
    });
  }
  if (!target.isDeleted) return target;
  throw new MyelinError("CONFLICT", `version ${target.version} of rule ${name} is its deletion`, {
    hint: `Delete it with \`myelin rules delete ${name}\`, or name a version that was in force.`,
  });
}

/** The error for a rule that is not there. */
function unknownRule(name: RuleName): MyelinError {
  return new MyelinError("NOT_FOUND", `there is no rule ${name}`, {
    hint: "List the rules with `myelin rules list`; one that was deleted comes back with `myelin rules rollback NAME`.",
  });
}

/** True when the rule is written alike, whatever the order of its fields. */
function sameSource(a: RulePlan, b: RulePlan): boolean {
  // The meaning is made from the source: where it differs there is nothing more to compare.
  return a.meaning === b.meaning && canonicalJson(a.source) === canonicalJson(b.source);
}
