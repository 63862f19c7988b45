import { MyelinError } from "@myelin/core/errors";
import { parseActionName, parseAgentId, parseInstructionId } from "@myelin/core/ids";
import {
  type InstructionDocument,
  type InstructionStatus,
  isEnded as isFinal,
} from "@myelin/core/instruction";
import {
  type ByHand,
  type Dispatch,
  instructionOfRecord,
  type OrderTerms,
} from "../dispatch/index.ts";
import { documentOf, isEnded, parseTraceParent } from "../instruction/index.ts";
import type { Ledger } from "../ledger/index.ts";
import type { LedgerPage, Store } from "../ports/store.ts";
import type { HttpRequest } from "../ports/transport.ts";
import type { Agent, Registry } from "../registry/index.ts";
import { selectAgents } from "./agents.ts";
import { Fields, queryInteger, requireKnown } from "./fields.ts";
import {
  type Cursor,
  filterOf,
  type InstructionFilter,
  listParameters,
  openPage,
  parseCursor,
} from "./instruction-list.ts";
import { type ApiHandler, bodyObject, json } from "./router.ts";

export interface InstructionsApiOptions {
  readonly registry: Pick<Registry, "all" | "forget" | "get">;
  readonly dispatch: Dispatch;
  readonly byHand: ByHand;
  readonly ledger: Ledger;
  readonly store: Pick<
    Store,
    "acceptInstructions" | "instructionById" | "instructionsByKey" | "ledgerById" | "queryLedger"
  >;
  readonly isDraining: () => boolean;
}

const secondUs = 1e6;
const maxWaitUs = 600 * secondUs;
/** How long a cancellation waits for the disk before it is answered as one that has not ended yet. */
const maxEndWriteUs = 2 * secondUs;

export class InstructionsApi {
  readonly #options: InstructionsApiOptions;

  constructor(options: InstructionsApiOptions) {
    this.#options = options;
  }

  /** POST /instructions */
  readonly send: ApiHandler = async ({ http, actor, note }) => {
    if (this.#options.isDraining())
      throw new MyelinError("NODE_DRAINING", "the node is shutting down");
    const { to, where, order, waitUs } = readOrder(http, actor);
    const agents = this.#targets(to, where);
    const target = to === undefined ? undefined : parseAgentId(to);
    note.subject = to ?? where ?? "";
    note.details = { action: order.action };
    const batch = await this.#options.byHand.accept({ ...order, to: target, agents });
    note.details = { ...note.details, batch: batch.id, instructions: batch.instructions.length };
    await note.done();
    await this.#options.byHand.settled(batch, waitUs);
    const shown = batch.instructions.map((instruction) =>
      this.#options.dispatch.shown(instruction),
    );
    return json(batchDocument(batch.id, shown.map(documentOf)), shown.every(isEnded) ? 200 : 202);
  };

  /** GET /instructions?agent=&rule=&status=&since=&until=&limit=&cursor= : the open ones first, then the ledger, newest first. */
  readonly list: ApiHandler = async ({ http }) => {
    requireKnown(http.query, listParameters);
    const limit = queryInteger(http.query, "limit", 1, 1000, 100);
    const filter = filterOf(http.query);
    const cursor = parseCursor(http.query.get("cursor"));
    const open = openPage(this.#options.dispatch.shownOpen(), filter, cursor, limit);
    const rest = await this.ledgerPage(filter, cursor, limit - open.length);
    const last = open.at(-1);
    const next =
      rest === undefined && last !== undefined
        ? `o${last.createdAtUs}~${last.id}`
        : rest?.cursor === undefined
          ? undefined
          : `l${rest.cursor}`;
    return json({
      instructions: [
        ...open.map(documentOf),
        ...(rest?.entries ?? [])
          .map(({ document }) => document)
          .filter((one) => !this.#isUntold(one)),
      ],
      ...(next === undefined ? {} : { cursor: next }),
    });
  };

  /** GET /instructions/:id */
  readonly get: ApiHandler = async ({ parameters }) =>
    json(await this.documentById(parameters["id"] ?? ""));

  /** POST /instructions/:id/cancel : 202 when its agent was asked to drop it, and has not answered yet */
  readonly cancel: ApiHandler = async ({ parameters }) => {
    const id = parseInstructionId(parameters["id"] ?? "");
    const instruction = this.#options.dispatch.get(id);
    if (instruction === undefined) {
      const document = await this.documentById(id);
      throw new MyelinError("CONFLICT", `instruction ${id} is ${document.status}`, {
        hint: "Only what has not begun can be canceled.",
      });
    }
    const { dispatch, byHand } = this.#options;
    dispatch.cancel(instruction);
    if (isEnded(instruction)) await byHand.settled({ instructions: [instruction] }, maxEndWriteUs);
    const shown = dispatch.shown(instruction);
    return json(documentOf(shown), isEnded(shown) ? 200 : 202);
  };

  /** What of a page the ledger fills; undefined when the open ones have filled it. */
  async ledgerPage(
    { status, ...filter }: InstructionFilter,
    cursor: Cursor | undefined,
    room: number,
  ): Promise<LedgerPage | undefined> {
    if (room === 0) return undefined;
    if (status !== undefined && !isFinal(status)) return { entries: [] };
    this.#options.ledger.flush();
    return await this.#options.store.queryLedger({
      ...filter,
      ...(status === undefined ? {} : { status }),
      ...(cursor?.of === "ledger" ? { cursor: cursor.after } : {}),
      limit: room,
      newestFirst: true,
    });
  }

  /** True for what the ledger has, and the list shows among the open ones. */
  #isUntold({ id }: InstructionDocument): boolean {
    const found = this.#options.dispatch.find(parseInstructionId(id));
    return found !== undefined && !isEnded(this.#options.dispatch.shown(found));
  }

  /** An instruction as callers may be told of it. @throws MyelinError NOT_FOUND */
  async documentById(text: string): Promise<InstructionDocument> {
    const id = parseInstructionId(text);
    const found = this.#options.dispatch.find(id);
    if (found !== undefined) return documentOf(this.#options.dispatch.shown(found));
    this.#options.ledger.flush();
    const { store } = this.#options;
    const [entry, record] = await Promise.all([store.ledgerById(id), store.instructionById(id)]);
    // The ledger may have had to drop what the state has: the stages are lost then, the outcome is not.
    if (record !== undefined && record.status !== entry?.document.status)
      return documentOf(instructionOfRecord(record));
    if (entry !== undefined) return entry.document;
    throw new MyelinError("NOT_FOUND", `there is no instruction ${id}`);
  }

  /** @throws MyelinError INVALID_ARGUMENT at once; what it gives throws NOT_FOUND */
  #targets(to: string | undefined, where: string | undefined): () => Agent[] {
    if (to === undefined || where !== undefined) requireOneTarget(to, where);
    const hint = "List the agents with `myelin agents`.";
    if (to === undefined) {
      const matching = selectAgents(this.#options.registry, where);
      return () => {
        const present = matching.filter(({ slot }) => slot !== undefined);
        if (present.length > 0) return present;
        throw new MyelinError("NOT_FOUND", "the selector matches no agent that is present", {
          hint,
        });
      };
    }
    const id = parseAgentId(to);
    return () => {
      const agent = this.#options.registry.get(id);
      if (agent !== undefined) return [agent];
      throw new MyelinError("NOT_FOUND", `no agent ${JSON.stringify(to)} is known`, { hint });
    };
  }
}

/** What a caller wants done, as the body says it. @throws MyelinError INVALID_ARGUMENT */
export function readOrder(
  http: HttpRequest,
  actor: string,
): {
  readonly to: string | undefined;
  readonly where: string | undefined;
  readonly order: OrderTerms;
  readonly waitUs: number;
} {
  const fields = new Fields(bodyObject(http));
  const to = fields.text("to");
  const where = fields.text("where");
  const durability = fields.text("durability") ?? "disk";
  const headerKey = http.headers["idempotency-key"];
  const order = {
    action: parseActionName(fields.requiredText("action")),
    args: fields.object("args"),
    priority: fields.integer("priority", 1, 10, 5),
    deadlineUs: fields.positiveDurationUs("deadline", 30 * secondUs),
    timeoutUs: fields.positiveDurationUs("timeout", 60 * secondUs),
    durability: durability === "memory" ? ("memory" as const) : ("disk" as const),
    idempotencyKey: fields.text("idempotencyKey") ?? headerKey,
    actor,
    traceParent: parseTraceParent(http.headers["traceparent"]),
  };
  const waitUs = Math.min(maxWaitUs, fields.durationUs("wait", 10 * secondUs));
  fields.end();
  if (durability !== "disk" && durability !== "memory")
    throw new MyelinError("INVALID_ARGUMENT", "durability is disk or memory");
  if (
    order.idempotencyKey !== undefined &&
    (order.idempotencyKey === "" || order.idempotencyKey.length > 200)
  ) {
    throw new MyelinError("INVALID_ARGUMENT", "an idempotency key has 1 to 200 characters");
  }
  return { to, where, order, waitUs };
}

/** An order for those that match, and not for one agent too. @throws MyelinError INVALID_ARGUMENT */
export function requireOneTarget(
  to: string | undefined,
  where: string | undefined,
): asserts where is string {
  if (to === undefined && where !== undefined) return;
  throw new MyelinError("INVALID_ARGUMENT", "name either one agent (to) or a selector (where)", {
    hint: 'Add "to": "ID" for one agent, or "where": "CEL" for all that match it.',
  });
}

/** The instructions of one call as JSON. */
export function batchDocument(batch: string, instructions: readonly InstructionDocument[]): object {
  const counts: Partial<Record<InstructionStatus, number>> = {};
  for (const { status } of instructions) counts[status] = (counts[status] ?? 0) + 1;
  return {
    batch,
    isSettled: instructions.every(({ status }) => isFinal(status)),
    counts,
    instructions,
  };
}
