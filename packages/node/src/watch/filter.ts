import { MyelinError } from "@myelin/core/errors";
import { parseAgentId, parseRuleName } from "@myelin/core/ids";
import { compileSelector } from "@myelin/core/rules";
import { type WatchKind, type WatchRecord, watchKinds } from "./event.ts";

/** Which events a watcher is told. */
export type WatchFilter = (record: WatchRecord) => boolean;

/** A filter as a caller writes it; what is not given does not narrow. */
export interface WatchFilterTexts {
  /** Kinds, with commas between. */
  readonly kinds?: string | undefined;
  /** Id of an agent. */
  readonly agent?: string | undefined;
  /** Name of a rule; what happens to agents and at them has none, and does not pass. */
  readonly rule?: string | undefined;
  /** Selector in CEL over the attributes of the event's agent. */
  readonly where?: string | undefined;
}

/** @throws MyelinError INVALID_ARGUMENT */
export function parseFilter(texts: WatchFilterTexts): WatchFilter {
  const kinds = texts.kinds === undefined ? undefined : parseKinds(texts.kinds);
  const agent = texts.agent === undefined ? undefined : parseAgentId(texts.agent);
  const rule = texts.rule === undefined ? undefined : parseRuleName(texts.rule);
  const matches = texts.where === undefined ? undefined : parseWhere(texts.where);
  return (record) =>
    (kinds === undefined || kinds.has(record.kind)) &&
    (agent === undefined || record.agent === agent) &&
    (rule === undefined || record.rule === rule) &&
    (matches === undefined || matches(record));
}

function parseKinds(text: string): ReadonlySet<WatchKind> {
  const kinds = new Set<WatchKind>();
  for (const name of text.split(",")) {
    const kind = watchKinds.find((known) => known === name);
    if (kind === undefined)
      throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(name)} is no kind of event`, {
        hint: `Kinds are ${watchKinds.join(", ")}, with commas between.`,
      });
    kinds.add(kind);
  }
  return kinds;
}

function parseWhere(text: string): WatchFilter {
  const selector = compileSelector(text);
  if (selector.ok)
    return ({ attributes }) => attributes !== undefined && selector.matches(attributes) === 1;
  const [problem] = selector.problems;
  throw new MyelinError(
    "INVALID_ARGUMENT",
    `the selector is not valid: ${problem?.message ?? text}`,
    problem?.hint === undefined ? {} : { hint: problem.hint },
  );
}
