import { MyelinError } from "@myelin/core/errors";
import { parseActionName, parseAgentId, parseInstructionId } from "@myelin/core/ids";
import {
  type InstructionDocument,
  type InstructionStatus,
  instructionStatuses,
  isInstructionStatus,
  parseTime,
} from "@myelin/core/instruction";
import type { Batch, ByHand, Dispatch } from "../dispatch/index.ts";
import { documentOf, type Instruction } from "../instruction/index.ts";
import type { Ledger } from "../ledger/index.ts";
import type { Store } from "../ports/store.ts";
import type { Agent, Registry } from "../registry/index.ts";
import { selectAgents } from "./agents.ts";
import { Fields, queryInteger } from "./fields.ts";
import { type ApiHandler, bodyObject, json } from "./router.ts";

export interface InstructionsApiOptions {
  readonly registry: Registry;
  readonly dispatch: Dispatch;
  readonly byHand: ByHand;
  readonly ledger: Ledger;
  readonly store: Pick<Store, "queryLedger" | "ledgerById">;
  readonly isDraining: () => boolean;
}

const secondUs = 1e6;
const maxWaitUs = 600 * secondUs;

export class InstructionsApi {
  readonly #options: InstructionsApiOptions;

  constructor(options: InstructionsApiOptions) {
    this.#options = options;
  }

  /** POST /instructions */
  readonly send: ApiHandler = async ({ http, actor }) => {
    if (this.#options.isDraining())
      throw new MyelinError("NODE_DRAINING", "the node is shutting down");
    const fields = new Fields(bodyObject(http));
    const to = fields.text("to");
    const where = fields.text("where");
    const durability = fields.text("durability") ?? "disk";
    const headerKey = http.headers["idempotency-key"];
    const order = {
      action: parseActionName(fields.requiredText("action")),
      args: fields.object("args"),
      priority: fields.integer("priority", 1, 10, 5),
      deadlineUs: fields.durationUs("deadline", 30 * secondUs),
      timeoutUs: fields.durationUs("timeout", 60 * secondUs),
      durability: durability === "memory" ? ("memory" as const) : ("disk" as const),
      idempotencyKey: fields.text("idempotencyKey") ?? headerKey,
      actor,
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
    const batch = await this.#options.byHand.accept({ ...order, agents: this.#targets(to, where) });
    await this.#options.byHand.settled(batch, waitUs);
    return json(batchDocument(batch), isSettled(batch) ? 200 : 202);
  };

  /** GET /instructions?agent=&rule=&status=&since=&until=&limit=&cursor= : the open ones first, then the ledger, newest first. */
  readonly list: ApiHandler = async ({ http }) => {
    const { query } = http;
    const limit = queryInteger(query, "limit", 1, 1000, 100);
    const status = statusOf(query.get("status"));
    const cursor = query.get("cursor") ?? undefined;
    const since = query.get("since");
    const until = query.get("until");
    const filter = {
      ...optional("agent", query.get("agent")),
      ...optional("rule", query.get("rule")),
      ...(status === undefined ? {} : { status }),
      ...(since === null ? {} : { sinceUs: parseTime(since) }),
      ...(until === null ? {} : { untilUs: parseTime(until) }),
    };
    const open = cursor === undefined ? this.#openDocuments(filter, limit) : [];
    this.#options.ledger.flush();
    const page = await this.#options.store.queryLedger({
      ...filter,
      limit: Math.max(1, limit - open.length),
      newestFirst: true,
      ...(cursor === undefined ? {} : { cursor }),
    });
    return json({
      instructions: [...open, ...page.entries.map(({ document }) => document)],
      ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
    });
  };

  /** GET /instructions/:id */
  readonly get: ApiHandler = async ({ parameters }) =>
    json(await this.#documentById(parameters["id"] ?? ""));

  /** POST /instructions/:id/cancel */
  readonly cancel: ApiHandler = async ({ parameters }) => {
    const id = parseInstructionId(parameters["id"] ?? "");
    const instruction = this.#options.dispatch.get(id);
    if (instruction === undefined) {
      const document = await this.#documentById(id);
      throw new MyelinError("CONFLICT", `instruction ${id} is ${document.status}`, {
        hint: "Only what has not begun can be canceled.",
      });
    }
    this.#options.dispatch.cancel(instruction);
    return json(documentOf(instruction));
  };

  async #documentById(text: string): Promise<InstructionDocument> {
    const id = parseInstructionId(text);
    const open = this.#options.dispatch.get(id);
    if (open !== undefined) return documentOf(open);
    this.#options.ledger.flush();
    const entry = await this.#options.store.ledgerById(id);
    if (entry !== undefined) return entry.document;
    throw new MyelinError("NOT_FOUND", `there is no instruction ${id}`);
  }

  #targets(to: string | undefined, where: string | undefined): Agent[] {
    if ((to === undefined) === (where === undefined)) {
      throw new MyelinError("INVALID_ARGUMENT", "name either one agent (to) or a selector (where)");
    }
    if (to === undefined) {
      const agents = selectAgents(this.#options.registry, where).filter(
        ({ slot }) => slot !== undefined,
      );
      if (agents.length > 0) return agents;
      throw new MyelinError("NOT_FOUND", "the selector matches no agent that is present", {
        hint: "List the agents with `myelin agents`.",
      });
    }
    const agent = this.#options.registry.get(parseAgentId(to));
    if (agent !== undefined) return [agent];
    throw new MyelinError("NOT_FOUND", `no agent ${JSON.stringify(to)} is known`, {
      hint: "List the agents with `myelin agents`.",
    });
  }

  #openDocuments(
    filter: {
      agent?: string;
      rule?: string;
      status?: InstructionStatus;
      sinceUs?: number;
      untilUs?: number;
    },
    limit: number,
  ): InstructionDocument[] {
    const documents: InstructionDocument[] = [];
    for (const instruction of [...this.#options.dispatch.open()].reverse()) {
      if (documents.length >= limit) break;
      if (matches(instruction, filter)) documents.push(documentOf(instruction));
    }
    return documents;
  }
}

function matches(
  instruction: Instruction,
  filter: {
    agent?: string;
    rule?: string;
    status?: InstructionStatus;
    sinceUs?: number;
    untilUs?: number;
  },
): boolean {
  if (filter.agent !== undefined && instruction.agent !== filter.agent) return false;
  if (filter.rule !== undefined && instruction.episode?.rule !== filter.rule) return false;
  if (filter.status !== undefined && instruction.status !== filter.status) return false;
  if (filter.sinceUs !== undefined && instruction.createdAtUs < filter.sinceUs) return false;
  return filter.untilUs === undefined || instruction.createdAtUs < filter.untilUs;
}

function statusOf(text: string | null): InstructionStatus | undefined {
  if (text === null) return undefined;
  if (isInstructionStatus(text)) return text;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no status`, {
    hint: `One of ${instructionStatuses.join(", ")}.`,
  });
}

function optional<Name extends string>(
  name: Name,
  value: string | null,
): Partial<Record<Name, string>> {
  return value === null ? {} : ({ [name]: value } as Partial<Record<Name, string>>);
}

function isSettled(batch: Batch): boolean {
  return batch.instructions.every(({ endedAtUs }) => endedAtUs !== undefined);
}

function batchDocument(batch: Batch): unknown {
  const counts: Partial<Record<InstructionStatus, number>> = {};
  for (const { status } of batch.instructions) counts[status] = (counts[status] ?? 0) + 1;
  return {
    batch: batch.id,
    isSettled: isSettled(batch),
    counts,
    instructions: batch.instructions.map(documentOf),
  };
}
