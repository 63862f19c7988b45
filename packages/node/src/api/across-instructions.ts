/**
 * Instructions over several lanes. One for one agent is its lane's; an order for all that match is accepted here:
 * lanes write out what is theirs, one commit takes all of it, and then lanes send it.
 *
 * Invariants
 * 1. What a caller is told is accepted is on disk first, all of it or nothing, unless it asked for `memory`.
 * 2. The same idempotency key is the same call, whichever lanes it is for.
 */
import { MyelinError } from "@myelin/core/errors";
import { parseAgentId, parseInstructionId } from "@myelin/core/ids";
import { type InstructionDocument, isEnded } from "@myelin/core/instruction";
import { compileSelector } from "@myelin/core/rules";
import { instructionOfRecord, type OrderTerms, sameOrder } from "../dispatch/index.ts";
import type { InstructionRecord } from "../ports/store.ts";
import type { HttpRequest, HttpResponse } from "../ports/transport.ts";
import { ActNote } from "./act.ts";
import { documentOfAnswer, laneRequestOf } from "./across-answers.ts";
import { selectorError } from "./agents.ts";
import { queryInteger, requireKnown } from "./fields.ts";
import { filterOf, listParameters, parseCursor } from "./instruction-list.ts";
import { batchDocument, InstructionsApi, readOrder, requireOneTarget } from "./instructions.ts";
import type { LaneAnswer, Lanes } from "./lanes.ts";
import type { ApiOptions } from "./options.ts";
import { type ApiHandler, type ApiRequest, bodyObject, json } from "./router.ts";

/** What the routes that span lanes need besides the front's own. */
export interface AcrossOptions extends ApiOptions {
  readonly lanes: Lanes;
}

/** An order that was accepted: what became of it is asked for by the ids. */
interface Accepted {
  readonly id: string;
  readonly records: readonly InstructionRecord[];
}

const maxKeysInMemory = 10_000;

export class AcrossInstructions {
  readonly #options: AcrossOptions;
  readonly #home: (request: ApiRequest, agent?: string) => Promise<LaneAnswer>;
  readonly #own: InstructionsApi;
  readonly #byKey = new Map<string, Promise<Accepted>>();
  /** Latest orders that were accepted in memory only, by key; bounded, the oldest leaves. */
  readonly #inMemory = new Map<string, Accepted>();
  /** Lanes' orders for one agent by key, while they run or are in memory only: for whom the key was used. */
  readonly #agentByKey = new Map<string, string>();

  constructor(
    options: AcrossOptions,
    home: (request: ApiRequest, agent?: string) => Promise<LaneAnswer>,
  ) {
    this.#options = options;
    this.#home = home;
    this.#own = new InstructionsApi(options);
  }

  /** POST /instructions */
  readonly send: ApiHandler = async (request) => {
    const { http, actor } = request;
    const who = { actor, act: "instructions.send", address: http.remoteAddress };
    const note = new ActNote(this.#options.audit, who, "");
    const to = soleRecipientOf(http);
    if (to === undefined) return await note.around(() => this.#sendToAll(request, note));
    note.subject = to;
    // What comes to the agent's lane is in its audit.
    return await this.#sendHome(request, to).catch((thrown: unknown) =>
      note.around<LaneAnswer>(() => {
        throw MyelinError.from(thrown);
      }),
    );
  };

  /** GET /instructions : the open ones of all lanes first, then the ledger, newest first */
  readonly list: ApiHandler = async ({ http }) => {
    requireKnown(http.query, listParameters);
    const limit = queryInteger(http.query, "limit", 1, 1000, 100);
    const filter = filterOf(http.query);
    const cursor = parseCursor(http.query.get("cursor"));
    const asked = { filter, cursor, limit };
    const { lanes } = this.#options;
    const answers = await Promise.all(
      Array.from({ length: lanes.count }, (_, lane) => lanes.call(lane, "open", asked)),
    );
    const open = answers
      .flatMap(({ entries }) => entries)
      .sort((a, b) => b.createdAtUs - a.createdAtUs || (a.document.id < b.document.id ? 1 : -1))
      .slice(0, limit);
    const isShown = new Set(answers.flatMap(({ untold }) => untold));
    for (const { document } of open) isShown.add(document.id);
    const rest = await this.#own.ledgerPage(filter, cursor, limit - open.length);
    const last = open.at(-1);
    const next =
      rest === undefined && last !== undefined
        ? `o${last.createdAtUs}~${last.document.id}`
        : rest?.cursor === undefined
          ? undefined
          : `l${rest.cursor}`;
    const ended = (rest?.entries ?? []).map(({ document }) => document);
    return json({
      instructions: [
        ...open.map(({ document }) => document),
        ...ended.filter(({ id }) => !isShown.has(id)),
      ],
      ...(next === undefined ? {} : { cursor: next }),
    });
  };

  /** GET /instructions/:id */
  readonly get: ApiHandler = async (request) => json(await this.#find(request));

  /** POST /instructions/:id/cancel */
  readonly cancel: ApiHandler = async (request) => {
    const { agent } = await this.#find(request);
    return await this.#home(request, agent);
  };

  /** Any lane reads what has ended; of what has not, the agent's own knows best. */
  async #find(request: ApiRequest): Promise<InstructionDocument> {
    const { lanes } = this.#options;
    const id = parseInstructionId(request.parameters["id"] ?? "");
    const path = `/api/v1/instructions/${id}`;
    const asked = { ...laneRequestOf(request, true), method: "GET", path, query: "" };
    const answers = await Promise.all(
      Array.from({ length: lanes.count }, (_, lane) => lanes.call(lane, "answer", asked)),
    );
    const found = answers.find(({ status }) => status === 200) ?? answers[0];
    if (found === undefined) throw new MyelinError("INTERNAL", "there is no lane");
    // A lane's answer with this status is an instruction's document.
    const any = documentOfAnswer(found) as unknown as InstructionDocument;
    const own = answers[lanes.homeOf(any.agent)];
    return own?.status === 200 ? (documentOfAnswer(own) as unknown as InstructionDocument) : any;
  }

  async #sendToAll({ http, actor }: ApiRequest, note: ActNote): Promise<HttpResponse> {
    if (this.#options.isDraining())
      throw new MyelinError("NODE_DRAINING", "the node is shutting down");
    const { to, where, order, waitUs } = readOrder(http, actor);
    requireOneTarget(to, where);
    note.subject = where;
    note.details = { action: order.action };
    const { id, records } = await this.#accept(where, order);
    note.details = { ...note.details, batch: id, instructions: records.length };
    await note.done();
    const documents = await this.#outcomes(records, waitUs);
    const isSettled = documents.every(({ status }) => isEnded(status));
    return json(batchDocument(id, documents), isSettled ? 200 : 202);
  }

  /** An order for one agent; its key must not be that of an order for another, whose lane may be another. */
  async #sendHome(request: ApiRequest, to: string): Promise<LaneAnswer> {
    const { http, actor } = request;
    const { order } = readOrder(http, actor);
    const key = order.idempotencyKey;
    if (key === undefined) return await this.#home(request, to);
    const running = this.#byKey.get(key) ?? this.#inMemory.get(key);
    const agent = parseAgentId(to);
    if (running !== undefined) sameOrder(batchOf(await running), { ...order, to: agent }, key);
    const former = this.#agentByKey.get(key);
    if (former !== undefined && former !== to) throw keyUsed(key);
    remember(this.#agentByKey, key, to);
    const answer = await this.#home(request, to);
    // What is on disk the store knows by its key.
    if (answer.status >= 400 || order.durability === "disk") this.#agentByKey.delete(key);
    return answer;
  }

  async #accept(where: string, order: OrderTerms): Promise<Accepted> {
    const selector = compileSelector(where);
    if (!selector.ok) throw selectorError(where, selector.problems);
    const key = order.idempotencyKey;
    if (key === undefined) return await this.#perform(where, order);
    const known = this.#byKey.get(key) ?? this.#inMemory.get(key);
    if (known !== undefined) return sameAccepted(await known, order, key);
    const performing = this.#performOnce(where, order, key);
    this.#byKey.set(key, performing);
    try {
      return await performing;
    } finally {
      this.#byKey.delete(key);
    }
  }

  async #performOnce(where: string, order: OrderTerms, key: string): Promise<Accepted> {
    const earlier = await this.#options.store.instructionsByKey(key);
    const [first] = earlier;
    if (first !== undefined) return sameAccepted({ id: first.batch, records: earlier }, order, key);
    // One for a single agent that is in memory, or on its way to the disk.
    if (this.#agentByKey.has(key)) throw keyUsed(key);
    const accepted = await this.#perform(where, order);
    if (order.durability === "memory") remember(this.#inMemory, key, accepted);
    return accepted;
  }

  async #perform(where: string, order: OrderTerms): Promise<Accepted> {
    const { lanes, store } = this.#options;
    const batch = lanes.newName();
    const all = Array.from({ length: lanes.count }, (_, lane) => lane);
    const drafted = await Promise.allSettled(
      all.map((lane) => lanes.call(lane, "draft", { batch, where, terms: order })),
    );
    const drafts = drafted.map((draft) => (draft.status === "fulfilled" ? draft.value : []));
    try {
      const refused = drafted.find((draft) => draft.status === "rejected");
      if (refused !== undefined) throw refused.reason;
      const records = drafts.flat();
      if (records.length === 0) throw nobodyMatches();
      if (order.durability === "disk") await store.acceptInstructions(records);
      await Promise.all(
        all.map((lane) => lanes.call(lane, "take", { batch, records: drafts[lane] ?? [] })),
      );
      return { id: batch, records };
    } catch (thrown) {
      await Promise.allSettled(all.map((lane) => lanes.call(lane, "drop", batch)));
      throw thrown;
    }
  }

  /** What has become of the instructions when all have ended, or after the wait. */
  async #outcomes(
    records: readonly InstructionRecord[],
    waitUs: number,
  ): Promise<InstructionDocument[]> {
    const { lanes } = this.#options;
    const idsByLane = new Map<number, string[]>();
    for (const { id, agent } of records) {
      const lane = lanes.homeOf(agent);
      const ids = idsByLane.get(lane) ?? [];
      ids.push(id);
      idsByLane.set(lane, ids);
    }
    const told = await Promise.all(
      [...idsByLane].map(([lane, ids]) => lanes.call(lane, "outcomes", { ids, waitUs })),
    );
    const byId = new Map(told.flat().map((document) => [document.id, document]));
    return records.flatMap(({ id }) => byId.get(id) ?? []);
  }
}

/** The agent that an order is for, where it is for one; what is wrong with an order is told elsewhere. */
function soleRecipientOf(http: HttpRequest): string | undefined {
  try {
    const { to, where } = bodyObject(http);
    return typeof to === "string" && where === undefined ? to : undefined;
  } catch {
    return undefined;
  }
}

function batchOf({ id, records }: Accepted) {
  return { id, instructions: records.map(instructionOfRecord) };
}

/** The earlier order, when it was the same one. */
function sameAccepted(accepted: Accepted, order: OrderTerms, key: string): Accepted {
  sameOrder(batchOf(accepted), { ...order, to: undefined }, key);
  return accepted;
}

function remember<Value>(kept: Map<string, Value>, key: string, value: Value): void {
  kept.set(key, value);
  if (kept.size <= maxKeysInMemory) return;
  const [oldest] = kept.keys();
  if (oldest !== undefined) kept.delete(oldest);
}

function keyUsed(key: string): MyelinError {
  return new MyelinError(
    "ALREADY_EXISTS",
    `the idempotency key ${JSON.stringify(key)} was used for another instruction`,
  );
}

function nobodyMatches(): MyelinError {
  return new MyelinError("NOT_FOUND", "the selector matches no agent that is present", {
    hint: "List the agents with `myelin agents`.",
  });
}
