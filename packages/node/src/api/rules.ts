import { MyelinError } from "@myelin/core/errors";
import { parseRuleName, type RuleName } from "@myelin/core/ids";
import { formatTime } from "@myelin/core/instruction";
import type { RuleBook, RuleEntry } from "../rules/index.ts";
import { type ApiHandler, bodyText, json } from "./router.ts";

export interface RulesApiOptions {
  readonly book: RuleBook;
  /** What the engine knows of a rule in force. */
  readonly status: (entry: RuleEntry) => unknown;
  /** Closes the rule's breaker; false when it was not open. */
  readonly closeBreaker: (name: RuleName) => boolean;
  readonly isDraining: () => boolean;
}

export class RulesApi {
  readonly #options: RulesApiOptions;

  constructor(options: RulesApiOptions) {
    this.#options = options;
  }

  /** POST /rules, the body a rule file in YAML or JSON */
  readonly apply: ApiHandler = async ({ http, actor, note }) => {
    this.#requireServing();
    const { changes, warnings } = await this.#options.book.apply(bodyText(http), actor);
    note.subject = changes.map(({ name }) => name).join(" ");
    note.details = {
      changes: changes.map(({ name, version, change }) => `${name} v${version} ${change}`),
    };
    return json({ changes, warnings });
  };

  /** GET /rules */
  readonly list: ApiHandler = () =>
    json({ rules: this.#options.book.list().map((entry) => this.#document(entry)) });

  /** GET /rules/:name */
  readonly get: ApiHandler = async ({ parameters }) => {
    const name = parseRuleName(parameters["name"] ?? "");
    const entry = this.#options.book.get(name);
    if (entry === undefined) throw unknownRule(name);
    const versions = await this.#options.book.versions(name);
    return json({
      ...this.#document(entry),
      versions: versions.map((record) => ({
        version: record.version,
        meaningVersion: record.meaningVersion,
        createdAt: formatTime(record.createdAtUs),
        actor: record.actor,
        isDeleted: record.isDeleted,
      })),
    });
  };

  /** DELETE /rules/:name */
  readonly delete: ApiHandler = async ({ parameters, actor }) => {
    this.#requireServing();
    return json(await this.#options.book.delete(parseRuleName(parameters["name"] ?? ""), actor));
  };

  #requireServing(): void {
    if (this.#options.isDraining())
      throw new MyelinError("NODE_DRAINING", "the node is shutting down");
  }

  /** POST /rules/:name/breaker/close */
  readonly closeBreaker: ApiHandler = ({ parameters }) => {
    const name = parseRuleName(parameters["name"] ?? "");
    if (this.#options.book.get(name) === undefined) throw unknownRule(name);
    return json({ name, wasOpen: this.#options.closeBreaker(name) });
  };

  #document(entry: RuleEntry): object {
    return {
      name: entry.plan.name,
      version: entry.version,
      meaningVersion: entry.meaningVersion,
      mode: entry.plan.mode,
      action: entry.plan.action,
      createdAt: formatTime(entry.createdAtUs),
      actor: entry.actor,
      status: this.#options.status(entry),
      source: entry.plan.source,
    };
  }
}

function unknownRule(name: RuleName): MyelinError {
  return new MyelinError("NOT_FOUND", `there is no rule ${name}`, {
    hint: "List the rules with `myelin rules list`.",
  });
}
