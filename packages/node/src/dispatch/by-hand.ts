/**
 * Instructions given by hand: to one agent or to many, with an idempotency key, confirmed agent by agent.
 *
 * Invariants
 * 1. What a caller is told is accepted, or has ended, is on disk first (unless the caller asked for `memory`).
 * 2. The same idempotency key is the same call: it is performed once, whoever asks again and however
 *    often, also while the first is still being written and after a restart.
 * 3. What is accepted can be sent, and is bounded: an order beyond the bounds is refused before anything of it is kept.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import {
  type ActionName,
  type AgentId,
  type InstructionId,
  parseInstructionId,
} from "@myelin/core/ids";
import type { JsonObject } from "@myelin/core/json";
import { type Random, randomName } from "@myelin/core/random";
import { FrameWriter } from "@myelin/core/wire";
import { type Instruction, isEnded, type TraceParent } from "../instruction/index.ts";
import { canonicalJson } from "../json/index.ts";
import type { InstructionRecord, Store } from "../ports/store.ts";
import type { Agent } from "../registry/index.ts";
import { messageOf } from "./delivery.ts";
import type { Dispatch } from "./dispatch.ts";
import { routeOf, type Sessions } from "./recipient.ts";
import { instructionOfOrder, instructionOfRecord } from "./sources.ts";

/** What a caller wants done. */
export interface Order extends OrderTerms {
  /** The one agent it is for; undefined when a selector chose them. */
  readonly to: AgentId | undefined;
  /** Finds the agents, when the order is performed: one that was performed earlier is not looked for again. */
  readonly agents: () => readonly Agent[];
}

/** What a caller wants done, whoever shall do it. */
export interface OrderTerms {
  readonly action: ActionName;
  readonly args: JsonObject;
  readonly priority: number;
  /** Not to be begun later than this after now. */
  readonly deadlineUs: number;
  /** How long it may run. */
  readonly timeoutUs: number;
  readonly durability: "disk" | "memory";
  readonly idempotencyKey: string | undefined;
  readonly actor: string;
  /** The caller's span, where it named one. */
  readonly traceParent?: TraceParent | undefined;
}

/** What became of a call: one batch, an instruction for each agent. */
export interface Batch {
  readonly id: string;
  readonly instructions: readonly Instruction[];
}

export interface ByHandOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Pick<Store, "acceptInstructions" | "instructionsByKey">;
  readonly dispatch: Dispatch;
  readonly sessions: Sessions;
  /** Most instructions by hand open in the node; acceptance beyond it is refused. */
  readonly maxOpen: number;
  /** Delivers and writes what was accepted. */
  readonly flush: () => void;
}

const maxKeysInMemory = 10_000;
/** Largest instruction, as the wire carries it. */
const maxInstructionBytes = 64 << 10;

interface Waiter {
  left: number;
  readonly resolve: () => void;
}

export class ByHand {
  readonly #options: ByHandOptions;
  readonly #waiters = new Map<InstructionId, Set<Waiter>>();
  readonly #byKey = new Map<string, Promise<Batch>>();
  /** Latest batches that were accepted in memory only, by key; bounded, the oldest leaves. */
  readonly #inMemory = new Map<string, Batch>();
  /** Accepted but not handed to dispatch yet. */
  #accepting = 0;
  /** How many instructions were drafted for batches that another lane accepts. */
  readonly #drafts = new Map<string, number>();

  constructor(options: ByHandOptions) {
    this.#options = options;
  }

  /**
   * Accepts an order: on disk, then on its way, then the answer.
   * @throws MyelinError INVALID_ARGUMENT or PAYLOAD_TOO_LARGE for args that cannot be sent, RESOURCE_EXHAUSTED, STORAGE_FULL, STORAGE_UNAVAILABLE, ALREADY_EXISTS when the key was used for another order
   */
  async accept(order: Order): Promise<Batch> {
    const key = order.idempotencyKey;
    if (key === undefined) return await this.#perform(order);
    const running = this.#byKey.get(key);
    if (running !== undefined) return sameOrder(await running, order, key);
    const performing = this.#performOnce(order, key);
    this.#byKey.set(key, performing);
    try {
      return await performing;
    } finally {
      this.#byKey.delete(key);
    }
  }

  /** Resolves when all have ended and may be told to have, or after `waitUs`. */
  async settled(
    { instructions }: { readonly instructions: readonly Instruction[] },
    waitUs: number,
  ): Promise<void> {
    const { dispatch } = this.#options;
    const open = instructions.filter((instruction) => !isEnded(dispatch.shown(instruction)));
    if (open.length === 0 || waitUs <= 0) return;
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      const waiter: Waiter = { left: open.length, resolve };
      for (const { id } of open) this.#waitersOf(id).add(waiter);
      timer = this.#options.clock.schedule(waitUs, () => {
        for (const { id } of open) this.#forget(id, waiter);
        resolve();
      });
    });
    timer?.cancel();
  }

  /** Told by dispatch of every end that callers may hear of. */
  told(instruction: Instruction): void {
    const waiters = this.#waiters.get(instruction.id);
    if (waiters === undefined) return;
    this.#waiters.delete(instruction.id);
    for (const waiter of waiters) if (--waiter.left === 0) waiter.resolve();
  }

  /**
   * Writes out, for some agents of this lane, what is accepted elsewhere: `take` or `drop` follows.
   * @throws MyelinError INVALID_ARGUMENT or PAYLOAD_TOO_LARGE for args that cannot be sent, RESOURCE_EXHAUSTED
   */
  draft(terms: OrderTerms, agents: readonly Agent[], batch: string): readonly InstructionRecord[] {
    const records = this.#recordsOf(terms, agents, batch);
    this.#accepting += records.length;
    this.#drafts.set(batch, records.length);
    return records;
  }

  /** A draft was accepted: its instructions are on their way. */
  take(batch: string, records: readonly InstructionRecord[]): void {
    this.drop(batch);
    for (const record of records) this.#options.dispatch.add(instructionOfOrder(record));
    this.#options.flush();
  }

  /** A draft was not accepted. */
  drop(batch: string): void {
    this.#accepting -= this.#drafts.get(batch) ?? 0;
    this.#drafts.delete(batch);
  }

  async #performOnce(order: Order, key: string): Promise<Batch> {
    const remembered = this.#inMemory.get(key);
    if (remembered !== undefined) return sameOrder(remembered, order, key);
    const earlier = await this.#options.store.instructionsByKey(key);
    const first = earlier[0];
    if (first === undefined) {
      const batch = await this.#perform(order);
      if (order.durability === "memory") this.#remember(key, batch);
      return batch;
    }
    const instructions = earlier.map(
      (record) =>
        this.#options.dispatch.find(parseInstructionId(record.id)) ?? instructionOfRecord(record),
    );
    return sameOrder({ id: first.batch, instructions }, order, key);
  }

  async #perform(order: Order): Promise<Batch> {
    const { dispatch, store } = this.#options;
    const batch = randomName(this.#options.random, 22);
    const records = this.#recordsOf(order, order.agents(), batch);
    const instructions = records.map(instructionOfOrder);
    if (order.traceParent !== undefined)
      for (const instruction of instructions) instruction.traceParent = order.traceParent;
    this.#accepting += records.length;
    try {
      if (order.durability === "disk") await store.acceptInstructions(records);
    } finally {
      this.#accepting -= records.length;
    }
    for (const instruction of instructions) dispatch.add(instruction);
    this.#options.flush();
    return { id: batch, instructions };
  }

  /** @throws MyelinError beyond the bounds */
  #recordsOf(
    order: OrderTerms,
    agents: readonly Agent[],
    batch: string,
  ): readonly InstructionRecord[] {
    const { dispatch, maxOpen } = this.#options;
    if (dispatch.openByHandCount + this.#accepting + agents.length > maxOpen) {
      throw new MyelinError(
        "RESOURCE_EXHAUSTED",
        `the node already has ${dispatch.openByHandCount + this.#accepting} open instructions by hand`,
        { hint: "Wait until some have ended, or cancel some." },
      );
    }
    const records = agents.map((agent) => this.#recordOf(order, agent, batch));
    if (records[0] !== undefined) requireSendable(instructionOfOrder(records[0]));
    return records;
  }

  #recordOf(order: OrderTerms, agent: Agent, batch: string): InstructionRecord {
    const nowUs = this.#options.clock.nowUs();
    const route = routeOf(agent, order.action, this.#options.sessions.of(agent), nowUs);
    const part = typeof route === "string" ? undefined : route.part;
    return {
      id: randomName(this.#options.random, 22),
      batch,
      agent: agent.id,
      ...(part === undefined ? {} : { part: part.name, incarnation: part.incarnation }),
      action: order.action,
      args: order.args,
      priority: order.priority,
      ...(order.idempotencyKey === undefined ? {} : { idempotencyKey: order.idempotencyKey }),
      actor: order.actor,
      createdAtUs: nowUs,
      deadlineUs: nowUs + order.deadlineUs,
      timeoutUs: order.timeoutUs,
      status: "accepted",
      isDurable: order.durability === "disk",
    };
  }

  #remember(key: string, batch: Batch): void {
    this.#inMemory.set(key, batch);
    if (this.#inMemory.size <= maxKeysInMemory) return;
    const [oldest] = this.#inMemory.keys();
    if (oldest !== undefined) this.#inMemory.delete(oldest);
  }

  #waitersOf(id: InstructionId): Set<Waiter> {
    let waiters = this.#waiters.get(id);
    if (waiters === undefined) {
      waiters = new Set();
      this.#waiters.set(id, waiters);
    }
    return waiters;
  }

  #forget(id: InstructionId, waiter: Waiter): void {
    const waiters = this.#waiters.get(id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(id);
  }
}

/** Refuses what no session could carry. The instructions of an order differ in their agents only. */
function requireSendable(instruction: Instruction): void {
  const writer = new FrameWriter();
  writer.instruction(messageOf(instruction));
  if (writer.sizeBytes <= maxInstructionBytes) return;
  throw new MyelinError(
    "PAYLOAD_TOO_LARGE",
    `the instruction has ${writer.sizeBytes} bytes; at most ${maxInstructionBytes} can be sent`,
  );
}

/** The earlier batch, when it was the same order. A selector may match others by now: only a single agent is compared. */
export function sameOrder<Given extends Batch>(
  batch: Given,
  order: OrderTerms & Pick<Order, "to">,
  key: string,
): Given {
  const args = canonicalJson(order.args);
  const isSame = batch.instructions.every(
    (former) =>
      former.action === order.action &&
      former.priority === order.priority &&
      former.timeoutUs === order.timeoutUs &&
      Math.abs(former.deadlineUs - former.createdAtUs - order.deadlineUs) < 1 &&
      canonicalJson(former.args) === args &&
      (order.to === undefined || former.agent === order.to),
  );
  if (isSame) return batch;
  throw new MyelinError(
    "ALREADY_EXISTS",
    `the idempotency key ${JSON.stringify(key)} was used for another instruction`,
  );
}
