import { MyelinError } from "@myelin/core/errors";
import { formatTime, parseTime } from "@myelin/core/instruction";
import { type AuditOutcome, auditOutcomes } from "../ports/access-records.ts";
import type { Store } from "../ports/store.ts";
import { queryInteger, requireKnown } from "./fields.ts";
import { type ApiHandler, json } from "./router.ts";

export interface AuditApiOptions {
  readonly store: Pick<Store, "queryAudit">;
}

const parameters = ["actor", "act", "subject", "outcome", "since", "until", "limit", "cursor"];

export class AuditApi {
  readonly #options: AuditApiOptions;

  constructor(options: AuditApiOptions) {
    this.#options = options;
  }

  /** GET /audit?actor=&act=&subject=&outcome=&since=&until=&limit=&cursor= : newest first */
  readonly list: ApiHandler = async ({ http: { query } }) => {
    requireKnown(query, parameters);
    const limit = queryInteger(query, "limit", 1, 1000, 100);
    const before = queryInteger(query, "cursor", 1, Number.MAX_SAFE_INTEGER, 0);
    const outcome = query.get("outcome");
    const since = query.get("since");
    const until = query.get("until");
    const entries = await this.#options.store.queryAudit({
      ...textsOf(query),
      ...(outcome === null ? {} : { outcome: parseOutcome(outcome) }),
      ...(since === null ? {} : { sinceUs: parseTime(since) }),
      ...(until === null ? {} : { untilUs: parseTime(until) }),
      ...(before === 0 ? {} : { before }),
      limit,
    });
    const last = entries.at(-1);
    const hasMore = last !== undefined && entries.length === limit && last.sequence > 1;
    return json({
      entries: entries.map(({ timeUs, code, ...entry }) => ({
        ...entry,
        time: formatTime(timeUs),
        code: code ?? null,
      })),
      ...(hasMore ? { cursor: String(last.sequence) } : {}),
    });
  };
}

function textsOf(query: URLSearchParams): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name of ["actor", "act", "subject"]) {
    const text = query.get(name);
    if (text !== null) texts[name] = text;
  }
  return texts;
}

function parseOutcome(text: string): AuditOutcome {
  const outcome = auditOutcomes.find((each) => each === text);
  if (outcome !== undefined) return outcome;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no outcome of an act`, {
    hint: `One of ${auditOutcomes.join(", ")}.`,
  });
}
