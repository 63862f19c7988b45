/**
 * The API of a node of several lanes: the routes whose answers are made of those of the lanes. What is not here
 * the front answers by itself, as a node of one lane does.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "@myelin/core/json";
import { type LedgerReading, readingOf } from "../ledger/index.ts";
import { documentOfAnswer, laneRequestOf, listOf, numberIn, textIn } from "./across-answers.ts";
import { AcrossInstructions, type AcrossOptions } from "./across-instructions.ts";
import { mergedMetrics } from "./across-metrics.ts";
import { mergedTop } from "./across-top.ts";
import { backupHandler } from "./backup.ts";
import { debugHandler, profileHandler } from "./debug.ts";
import { EnforcementApi } from "./enforcement.ts";
import { queryInteger } from "./fields.ts";
import { ledgerDocument } from "./ledger.ts";
import type { LaneAnswer } from "./lanes.ts";
import { type ApiHandler, type ApiRequest, type ApiResponse, json, Router } from "./router.ts";
import { RulesApi } from "./rules.ts";
import { TokensApi } from "./tokens.ts";
import { TopApi } from "./top.ts";
import { watchHandler } from "./watch.ts";

/** Puts the routes that span lanes before those of the front alone. */
export function routesAcross(options: AcrossOptions): Router {
  const { lanes } = options;
  const across = new Across(options);
  const { ledger } = across;
  const rules = new RulesApi(options);
  const top = new TopApi(options);
  const tokens = new TokensApi(options);
  const enforcement = new EnforcementApi(options);
  const instructions = new AcrossInstructions(options, (request, agent) =>
    across.home(request, agent),
  );
  const watch = watchHandler(options);
  const backup = backupHandler(options);
  const home: ApiHandler = (request) => across.home(request);
  return new Router()
    .on("GET", "/metrics", async () => {
      const [own, ...others] = await Promise.all([
        options.metrics(),
        ...across.each((lane) => lanes.call(lane, "metrics", undefined)),
      ]);
      const body = mergedMetrics([
        ["front", own.text],
        ...others.map((text, lane): [string, string] => [String(lane), text]),
      ]);
      return { status: 200, headers: { "content-type": own.contentType }, body };
    })
    .on("GET", "/api/v1/node", async (request) =>
      json(
        describedAcross(options.describeNode(), await across.gather(request), lanes.addresses()),
      ),
    )
    .on("GET", "/api/v1/top", async (request) => {
      const own = await across.ownDocument(top.get, request);
      const query = request.http.query;
      return json(mergedTop(own, await across.gather(request), await ledger(), query));
    })
    .on("GET", "/api/v1/watch", async (request) => {
      const response = await watch(request);
      await lanes.beginWatch();
      return response;
    })
    .on("GET", "/api/v1/agents", async (request) => json(await across.agents(request)))
    .on("GET", "/api/v1/agents/:id", home)
    .on("DELETE", "/api/v1/agents/:id", home, { isPassedOn: true })
    .on("GET", "/api/v1/rules", (request) => across.rules(rules.list, request))
    .on("GET", "/api/v1/rules/:name", (request) => across.rules(rules.get, request))
    .on("POST", "/api/v1/rules/:name/breaker/close", async (request) => {
      const answers = await across.gather(request);
      return json({ ...answers[0], wasOpen: answers.some(({ wasOpen }) => wasOpen === true) });
    })
    .on("GET", "/api/v1/breakers", async (request) =>
      json(breakersAcross(await across.gather(request), request)),
    )
    .on("POST", "/api/v1/agents/:id/parts/:part/breaker/close", home, { isPassedOn: true })
    .on("PUT", "/api/v1/enforcement", across.thenHeard(enforcement.set), { act: "enforcement.set" })
    .on("POST", "/api/v1/instructions", instructions.send, { isPassedOn: true })
    .on("GET", "/api/v1/instructions", instructions.list)
    .on("GET", "/api/v1/instructions/:id", instructions.get)
    .on("POST", "/api/v1/instructions/:id/cancel", instructions.cancel, { isPassedOn: true })
    .on("GET", "/api/v1/ledger", async () => json(ledgerDocument(await ledger())))
    .on(
      "POST",
      "/api/v1/backup",
      async (request) => {
        await Promise.all(across.each((lane) => lanes.call(lane, "flush", undefined)));
        return await backup(request);
      },
      { act: "backup" },
    )
    .on("GET", "/api/v1/debug", (request) => across.debug(request), { role: "operator" })
    .on("POST", "/api/v1/debug/profile", (request) => across.profile(request), {
      act: "debug.profile",
    })
    .on("POST", "/api/v1/tokens", across.thenHeard(tokens.create), { act: "tokens.create" })
    .on("DELETE", "/api/v1/tokens/:id", across.thenHeard(tokens.revoke), { act: "tokens.revoke" });
}

class Across {
  readonly #options: AcrossOptions;

  constructor(options: AcrossOptions) {
    this.#options = options;
  }

  each<Result>(ask: (lane: number) => Promise<Result>): Promise<Result>[] {
    return Array.from({ length: this.#options.lanes.count }, (_, lane) => ask(lane));
  }

  /** What the ledgers of the front, which has earlier lives of the node, and of the lanes tell together. */
  readonly ledger = async (): Promise<LedgerReading> => {
    const { lanes, ledger } = this.#options;
    const states = await Promise.all(this.each((lane) => lanes.call(lane, "ledger", undefined)));
    return readingOf([ledger.state(), ...states]);
  };

  /** Asks the lane of the agent in the path, and gives its answer as it is. */
  async home(request: ApiRequest, agent = request.parameters["id"] ?? ""): Promise<LaneAnswer> {
    const { lanes } = this.#options;
    return await lanes.call(lanes.homeOf(agent), "answer", laneRequestOf(request, false));
  }

  /** Asks every lane; the first that refuses, refuses for all. @throws MyelinError */
  async gather(request: ApiRequest): Promise<readonly JsonObject[]> {
    const { lanes } = this.#options;
    const asked = laneRequestOf(request, true);
    const answers = await Promise.all(this.each((lane) => lanes.call(lane, "answer", asked)));
    return answers.map(documentOfAnswer);
  }

  async ownDocument(handler: ApiHandler, request: ApiRequest): Promise<JsonObject> {
    const { status, body } = await handler(request);
    return documentOfAnswer({ status, body: typeof body === "string" ? body : "" });
  }

  /** What the front tells of the process, with what each lane tells of its thread. */
  async debug(request: ApiRequest): Promise<ApiResponse> {
    const own = await this.ownDocument(debugHandler(this.#options), request);
    return json({ ...own, lanes: await this.gather(request) });
  }

  /** A profile of the lane that `lane` names, else of the front. */
  async profile(request: ApiRequest): Promise<ApiResponse> {
    const { lanes } = this.#options;
    const { http, note } = request;
    const query = new URLSearchParams(http.query);
    query.delete("lane");
    const asked = { ...request, http: { ...http, query } };
    if (!http.query.has("lane")) return await profileHandler(this.#options)(asked);
    const lane = queryInteger(http.query, "lane", 0, lanes.count - 1, 0);
    note.details = { lane, seconds: query.get("seconds") };
    return await lanes.call(lane, "answer", laneRequestOf(asked, true));
  }

  /** What the front does, answered when every lane has heard of it. */
  thenHeard(handler: ApiHandler): ApiHandler {
    return async (request) => {
      try {
        return await handler(request);
      } finally {
        await this.#options.lanes.heard();
      }
    };
  }

  /** A page by id: each lane gives its first, which together have the first of all. */
  async agents(request: ApiRequest): Promise<JsonObject> {
    const pages = await this.gather(request);
    const limit = queryInteger(request.http.query, "limit", 1, 10_000, 1000);
    const all = pages.flatMap((page) => listOf(page["agents"]));
    all.sort((a, b) => (textIn(a, "id") < textIn(b, "id") ? -1 : 1));
    const agents = all.slice(0, limit);
    const isMore = all.length > limit || pages.some((page) => page["cursor"] !== undefined);
    const cursor = isMore ? agents.at(-1)?.["id"] : undefined;
    return { agents, ...(cursor === undefined ? {} : { cursor }) };
  }

  /** The front's answer about rules, with what the lanes know of their agents. */
  async rules(handler: ApiHandler, request: ApiRequest) {
    const response = await handler(request);
    const own = documentOfAnswer({ status: response.status, body: String(response.body) });
    const answers = await this.gather(request);
    const statuses = new Map<string, JsonObject[]>();
    for (const answer of answers) {
      for (const rule of rulesOf(answer)) {
        const name = textIn(rule, "name");
        const known = statuses.get(name) ?? [];
        if (isJsonObject(rule["status"])) known.push(rule["status"]);
        statuses.set(name, known);
      }
    }
    const summed = (rule: JsonObject): JsonObject => ({
      ...rule,
      status: sumOf(statuses.get(textIn(rule, "name")) ?? []) ?? rule["status"] ?? null,
    });
    const document = Array.isArray(own["rules"])
      ? { ...own, rules: rulesOf(own).map(summed) }
      : summed(own);
    return { ...response, ...json(document) };
  }
}

function rulesOf(document: JsonObject): readonly JsonObject[] {
  return Array.isArray(document["rules"]) ? listOf(document["rules"]) : [document];
}

/** A rule's status over all lanes: counts are added, versions are the same, a breaker open in one is open. */
function sumOf(statuses: readonly JsonObject[]): JsonObject | undefined {
  const [first, ...others] = statuses;
  if (first === undefined) return undefined;
  const sum: Record<string, JsonValue> = { ...first };
  for (const other of others) {
    for (const [name, value] of Object.entries(other)) {
      const former = sum[name];
      if (name === "version" || name === "meaningVersion") continue;
      if (typeof value === "number" && typeof former === "number") sum[name] = former + value;
      if (typeof value === "boolean") sum[name] = former === true || value;
    }
  }
  return sum;
}

function breakersAcross(answers: readonly JsonObject[], { http }: ApiRequest): JsonObject {
  const limit = queryInteger(http.query, "limit", 1, 10_000, 1000);
  const names = new Set(answers.flatMap(({ rules }) => listOf(rules).map(({ rule }) => rule)));
  const parts = answers.flatMap((answer) => listOf(answer["parts"]));
  const counts = answers.map((answer) => (isJsonObject(answer["counts"]) ? answer["counts"] : {}));
  return {
    counts: {
      rules: names.size,
      parts: counts.reduce((sum, count) => sum + numberIn(count, "parts"), 0),
    },
    rules: [...names].slice(0, limit).map((rule) => ({ rule: rule ?? null })),
    parts: parts.slice(0, limit),
  };
}

/** What the node says of itself: the front's words, with what its lanes have, and where they are. */
function describedAcross(
  own: unknown,
  answers: readonly JsonObject[],
  addresses: readonly string[],
): JsonObject {
  const front = isJsonObject(own) ? own : {};
  const total = (name: string): number =>
    answers.reduce((sum, answer) => sum + numberIn(answer, name), 0);
  const worst = [...answers].sort((a, b) => levelOf(b) - levelOf(a))[0];
  const breakers = answers.flatMap(({ openBreakers }) =>
    Array.isArray(openBreakers) ? openBreakers : [],
  );
  return {
    ...front,
    agents: total("agents"),
    sessions: total("sessions"),
    openInstructions: total("openInstructions"),
    openBreakers: [...new Set(breakers)],
    store: storeAcross([front, ...answers].map(({ store }) => (isJsonObject(store) ? store : {}))),
    overload: worst?.["overload"] ?? null,
    lanes: answers.map((answer, lane) => ({
      lane,
      url: addresses[lane] ?? null,
      agents: answer["agents"] ?? 0,
      sessions: answer["sessions"] ?? 0,
    })),
  };
}

function levelOf({ overload }: JsonObject): number {
  return isJsonObject(overload) ? numberIn(overload, "level") : 0;
}

/** How the one store fares, as its callers see it: what waits is added, the commits are those of the one thread. */
function storeAcross(healths: readonly JsonObject[]): JsonObject {
  const [front = {}] = healths;
  const total = (name: string): number =>
    healths.reduce((sum, health) => sum + numberIn(health, name), 0);
  const most = (name: string): number =>
    Math.max(...healths.map((health) => numberIn(health, name)));
  const failed = healths.find(({ isWritable }) => isWritable === false);
  return {
    ...front,
    ...failed,
    pendingWrites: total("pendingWrites"),
    pendingLedgerEntries: total("pendingLedgerEntries"),
    droppedLedgerEntries: total("droppedLedgerEntries"),
    commits: most("commits"),
    committedOperations: most("committedOperations"),
    commitTotalUs: most("commitTotalUs"),
    commitMaxUs: most("commitMaxUs"),
  };
}
