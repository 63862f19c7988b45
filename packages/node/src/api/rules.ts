import { MyelinError } from "@myelin/core/errors";
import { parseRuleName, type RuleName } from "@myelin/core/ids";
import { formatTime } from "@myelin/core/instruction";
import type { RuleRecord } from "../ports/store.ts";
import type { HttpRequest, HttpResponse } from "../ports/transport.ts";
import { type Precondition, type RuleBook, type RuleEntry, Slices } from "../rules/index.ts";
import type { Clock } from "../ports/clock.ts";
import { type EnforcementApiOptions, enforcementDocument } from "./enforcement.ts";
import { Fields, queryInteger, requireKnown } from "./fields.ts";
import { type ApiHandler, type ApiRequest, bodyObject, bodyText, json } from "./router.ts";

export interface RulesApiOptions extends EnforcementApiOptions {
  readonly clock: Clock;
  readonly book: RuleBook;
  /** What the engine knows of a rule in force. */
  readonly status: (entry: RuleEntry) => unknown;
  /** Closes the rule's breaker; false when it was not open. */
  readonly closeBreaker: (name: RuleName) => boolean;
  readonly isDraining: () => boolean;
}

/** Versions are counted from 1; no rule gets to so many. */
const highestVersion = 1e9;

export class RulesApi {
  readonly #options: RulesApiOptions;

  constructor(options: RulesApiOptions) {
    this.#options = options;
  }

  /** POST /rules, the body a rule file in YAML or JSON */
  readonly apply: ApiHandler = async (request) => await this.#apply(request, false);

  /** PUT /rules, the body a rule file that is the whole set */
  readonly replace: ApiHandler = async (request) => await this.#apply(request, true);

  /** GET /rules */
  readonly list: ApiHandler = async ({ http }) => {
    requireKnown(http.query, []);
    const { book, clock } = this.#options;
    // Each rule counts its agents: with many of both that is too much for one turn of the loop.
    const slices = new Slices(clock);
    const { etag } = book;
    const rules: object[] = [];
    for (const entry of book.list()) {
      rules.push(this.#document(entry));
      await slices.rest();
    }
    const enforcement = enforcementDocument(this.#options.enforcement);
    return withEtag({ etag, enforcement, rules }, etag);
  };

  /** GET /rules/:name */
  readonly get: ApiHandler = async ({ parameters }) => {
    const name = nameOf(parameters);
    const { book } = this.#options;
    const entry = book.get(name);
    if (entry === undefined) throw unknownRule(name);
    const document = this.#document(entry);
    const { etag } = book;
    const versions = await book.versions(name);
    return withEtag({ ...document, versions: versions.map(versionDocument) }, etag);
  };

  /** GET /rules/:name/versions */
  readonly versions: ApiHandler = async ({ parameters }) => {
    const name = nameOf(parameters);
    const versions = await this.#options.book.versions(name);
    return json({
      name,
      versions: versions.map((record) => ({
        ...versionDocument(record),
        source: record.source,
      })),
    });
  };

  /** GET /rules/:name/diff?from=&to= */
  readonly diff: ApiHandler = async ({ http, parameters }) => {
    requireKnown(http.query, ["from", "to"]);
    const version = (field: string): number | undefined =>
      http.query.has(field) ? queryInteger(http.query, field, 1, highestVersion, 1) : undefined;
    const { name, from, to, changes, isMeaningChanged } = await this.#options.book.difference(
      nameOf(parameters),
      version("from"),
      version("to"),
    );
    const side = (record: RuleRecord | undefined): object | null =>
      record === undefined ? null : { ...versionDocument(record), source: record.source };
    return json({ name, from: side(from), to: side(to), isMeaningChanged, changes });
  };

  /** POST /rules/:name/rollback, the body `{"to": VERSION}` or none */
  readonly rollback: ApiHandler = async ({ http, parameters, actor, note }) => {
    this.#requireServing();
    const fields = new Fields(http.body.length === 0 ? {} : bodyObject(http));
    const to = fields.integer("to", 1, highestVersion, 0);
    fields.end();
    const { book } = this.#options;
    const change = await book.rollback(
      nameOf(parameters),
      to === 0 ? undefined : to,
      actor,
      preconditionOf(http),
    );
    note.details = { version: change.version, rolledBackTo: change.rolledBackTo };
    return withEtag(change, book.etag);
  };

  /** DELETE /rules/:name */
  readonly delete: ApiHandler = async ({ http, parameters, actor }) => {
    this.#requireServing();
    const { book } = this.#options;
    const change = await book.delete(nameOf(parameters), actor, preconditionOf(http));
    return withEtag(change, book.etag);
  };

  async #apply({ http, actor, note }: ApiRequest, replacesAll: boolean): Promise<HttpResponse> {
    this.#requireServing();
    const { book } = this.#options;
    const onRead = (names: readonly string[]): void => {
      note.subject = names.join(" ");
    };
    const options = { ...preconditionOf(http), replacesAll, onRead };
    const { changes, warnings, inForceAtUs } = await book.apply(bodyText(http), actor, options);
    note.subject = changes.map(({ name }) => name).join(" ");
    note.details = {
      changes: changes.map(({ name, version, change }) => `${name} v${version} ${change}`),
    };
    const inForceAt = inForceAtUs === undefined ? {} : { inForceAt: formatTime(inForceAtUs) };
    return withEtag({ changes, ...inForceAt, warnings }, book.etag);
  }

  #requireServing(): void {
    if (this.#options.isDraining())
      throw new MyelinError("NODE_DRAINING", "the node is shutting down");
  }

  /** POST /rules/:name/breaker/close */
  readonly closeBreaker: ApiHandler = ({ parameters }) => {
    const name = nameOf(parameters);
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

function preconditionOf({ headers }: HttpRequest): Precondition {
  return { ifMatch: headers["if-match"], ifNoneMatch: headers["if-none-match"] };
}

function nameOf(parameters: Readonly<Record<string, string>>): RuleName {
  return parseRuleName(parameters["name"] ?? "");
}

/** A version as JSON, without its content. */
function versionDocument(record: RuleRecord): object {
  return {
    version: record.version,
    meaningVersion: record.meaningVersion,
    createdAt: formatTime(record.createdAtUs),
    actor: record.actor,
    isDeleted: record.isDeleted,
    ...(record.rolledBackTo === undefined ? {} : { rolledBackTo: record.rolledBackTo }),
  };
}

/** An answer that tells the state of all rules. */
function withEtag(document: unknown, etag: string): HttpResponse {
  return { ...json(document), headers: { etag } };
}

function unknownRule(name: RuleName): MyelinError {
  return new MyelinError("NOT_FOUND", `there is no rule ${name}`, {
    hint: "List the rules with `myelin rules list`.",
  });
}
