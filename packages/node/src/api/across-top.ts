/** What there is to see of a node of several lanes: the lanes' answers, and their ledgers together. */
import { isJsonObject, type JsonObject, type JsonValue } from "@myelin/core/json";
import type { LedgerReading } from "../ledger/index.ts";
import { queryInteger } from "./fields.ts";
import { listOf, numberIn, textIn } from "./across-answers.ts";
import { agentStates, quantiles } from "./top.ts";

type Comparison = (a: JsonObject, b: JsonObject) => number;

const byId: Comparison = (a, b) => (textIn(a, "id") < textIn(b, "id") ? -1 : 1);
const byCpu: Comparison = (a, b) => Number(b["cpu"] ?? -1) - Number(a["cpu"] ?? -1);
const stateOf = ({ state }: JsonObject): number =>
  agentStates.findIndex((known) => known === state);
const sorts: Readonly<Record<string, Comparison>> = {
  state: (a, b) => stateOf(a) - stateOf(b) || byCpu(a, b) || byId(a, b),
  cpu: (a, b) => byCpu(a, b) || byId(a, b),
  age: (a, b) =>
    numberIn(b, "heartbeatAgeSeconds") - numberIn(a, "heartbeatAgeSeconds") || byId(a, b),
  id: byId,
};

/** `own` is the front's answer, which has the node's description and the process. */
export function mergedTop(
  own: JsonObject,
  answers: readonly JsonObject[],
  ledger: LedgerReading,
  query: URLSearchParams,
): JsonObject {
  const figures = ledger.figures();
  return {
    ...own,
    load: loadOf(partOf(own, "load"), partsOf(answers, "load")),
    overload: worstOf(partsOf(answers, "overload")),
    latencyUs: { total: quantiles(figures.totalUs), node: quantiles(figures.nodeUs) },
    counts: figures.counts,
    agents: agentsOf(partsOf(answers, "agents"), query),
    rules: rulesOf(answers, queryInteger(query, "rules", 0, 1000, 20)),
    instructions: answers
      .flatMap((answer) => listOf(answer["instructions"]))
      .sort((a, b) => (textIn(a, "endedAt") < textIn(b, "endedAt") ? 1 : -1))
      .slice(0, queryInteger(query, "instructions", 0, 64, 20)),
  };
}

/** Rates are added; the loop is the busiest one's; what is the process's is told by any. */
function loadOf(own: JsonObject, loads: readonly JsonObject[]): JsonObject {
  const sum: Record<string, JsonValue> = { ...own };
  for (const load of loads) {
    for (const [name, value] of Object.entries(load)) {
      if (typeof value !== "number" || name === "cpu" || name === "memoryBytes") continue;
      const former = numberIn(sum, name);
      sum[name] = name === "eventLoop" ? Math.max(former, value) : former + value;
    }
  }
  return sum;
}

function worstOf(figures: readonly JsonObject[]): JsonObject {
  return [...figures].sort((a, b) => numberIn(b, "level") - numberIn(a, "level"))[0] ?? {};
}

function agentsOf(agents: readonly JsonObject[], query: URLSearchParams): JsonObject {
  const counts = Object.fromEntries(
    agentStates.map((state) => [state, agents.reduce((sum, of) => sum + numberIn(of, state), 0)]),
  );
  const shown = agents.flatMap((of) => listOf(of["shown"]));
  shown.sort(sorts[query.get("sort") ?? "state"] ?? byId);
  return { ...counts, shown: shown.slice(0, queryInteger(query, "agents", 0, 1000, 50)) };
}

function rulesOf(answers: readonly JsonObject[], count: number): JsonObject[] {
  const byName = new Map<string, Record<string, JsonValue>>();
  for (const answer of answers) {
    for (const rule of listOf(answer["rules"])) {
      const former = byName.get(textIn(rule, "name"));
      if (former === undefined) {
        byName.set(textIn(rule, "name"), { ...rule });
        continue;
      }
      for (const [name, value] of Object.entries(rule)) {
        if (typeof value === "number") former[name] = numberIn(former, name) + value;
        if (value === true) former[name] = true;
      }
    }
  }
  const rules: JsonObject[] = [...byName.values()];
  rules.sort(
    (a, b) =>
      numberIn(b, "firing") - numberIn(a, "firing") ||
      numberIn(b, "pending") - numberIn(a, "pending") ||
      numberIn(b, "firings") - numberIn(a, "firings") ||
      (textIn(a, "name") < textIn(b, "name") ? -1 : 1),
  );
  return rules.slice(0, count);
}

function partOf(document: JsonObject, name: string): JsonObject {
  const part = document[name];
  return isJsonObject(part) ? part : {};
}

function partsOf(documents: readonly JsonObject[], name: string): JsonObject[] {
  return documents.map((document) => partOf(document, name));
}
