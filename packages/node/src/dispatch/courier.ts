/**
 * Brings instructions to the parts of agents.
 *
 * Invariants
 * 1. Nothing is sent at or after its deadline.
 * 2. A durable instruction is sent to an incarnation only after that incarnation is on disk with it,
 *    so that after a crash nobody else is given what that one may have done.
 * 3. Per part at most `maxOutstanding` are sent and not ended; what waits for its turn or for its agent
 *    is bounded as `Backlog` says.
 * 4. While any waits for its turn at a part, that part has no room: a place that becomes free is kept for
 *    the first that waits (`claims`), and a place that is not taken goes to the next.
 */
import type { Clock } from "@myelin/core/clock";
import { type ErrorCode, MyelinError } from "@myelin/core/errors";
import type { AgentId, PartName } from "@myelin/core/ids";
import type { InstructionStatus } from "@myelin/core/instruction";
import { type Instruction, isEnded, wasSent } from "../instruction/index.ts";
import type { Store } from "../ports/store.ts";
import type { Agent } from "../registry/index.ts";
import type { Backlog } from "../scheduler/index.ts";
import { Delivery, type DeliveryBounds, messageOf, type PartDelivery } from "./delivery.ts";
import { type DeliverySession, isRecipient, routeOf, type Sessions } from "./recipient.ts";

/** What a courier asks of dispatch. */
export interface CourierHost {
  /** Puts an instruction in line to be delivered. */
  queue(instruction: Instruction): void;
  /** Takes it out of that line; false when it does not stand in it. */
  unqueue(instruction: Instruction): boolean;
  /** Sees to it that the instruction is looked at again when it is due. */
  watch(instruction: Instruction): void;
  /** The instruction was sent, and had not been before. */
  sent(instruction: Instruction): void;
  /** Sees to it that the delivery is tried again in a while, and at the deadline. */
  tryLater(instruction: Instruction): void;
  end(instruction: Instruction, status: InstructionStatus, code: ErrorCode, message: string): void;
  /** Delivers what is in line, outside of any frame's turn. */
  flush(): void;
}

export interface CourierOptions extends DeliveryBounds {
  readonly clock: Pick<Clock, "nowUs">;
  readonly agents: { get(id: AgentId): Agent | undefined };
  readonly sessions: Sessions;
  readonly store: Pick<Store, "updateInstructions">;
  readonly onBreakerOpen: (agent: AgentId, part: string) => void;
  readonly onStoreError: (error: MyelinError) => void;
}

/** A breaker over a part of an agent that keeps rules from it. */
export interface OpenBreaker {
  readonly agent: AgentId;
  readonly part: PartName;
  /** From when on one instruction may try; undefined while one does. */
  readonly triesAtUs: number | undefined;
}

export class Courier {
  readonly #options: CourierOptions;
  readonly #host: CourierHost;
  readonly #deliveries = new Map<AgentId, Delivery>();

  constructor(options: CourierOptions, host: CourierHost) {
    this.#options = options;
    this.#host = host;
  }

  /** What is kept for an agent, if anything. */
  of(agent: AgentId): Delivery | undefined {
    return this.#deliveries.get(agent);
  }

  /** The breakers over parts that are open, or have one instruction on trial. */
  openBreakers(): OpenBreaker[] {
    const open: OpenBreaker[] = [];
    for (const [agent, { parts }] of this.#deliveries)
      for (const { name, breaker } of parts.values())
        if (!breaker.isClosed) open.push({ agent, part: name, triesAtUs: breaker.triesAtUs });
    return open;
  }

  /** The session of the part that an instruction was sent to. */
  sessionOf({ agent: id, recipient }: Instruction): DeliverySession | undefined {
    const agent = this.#options.agents.get(id);
    if (agent === undefined || recipient === undefined) return undefined;
    return this.#options.sessions.of(agent).get(recipient.part);
  }

  /** Sends an instruction on its way; returns the bytes written. */
  deliver(instruction: Instruction): number {
    const claimed = this.of(instruction.agent)?.takeClaim(instruction);
    const sizeBytes = this.#deliver(instruction);
    if (claimed !== undefined) this.#release(claimed);
    return sizeBytes;
  }

  #deliver(instruction: Instruction): number {
    if (isEnded(instruction) || instruction.status === "received") return 0;
    const nowUs = this.#options.clock.nowUs();
    if (instruction.status === "sent") return this.sendAgain(instruction, nowUs);
    if (nowUs >= instruction.deadlineUs) {
      const message = "it could not begin before its deadline";
      return this.#decline(instruction, "expired", "DEADLINE_EXCEEDED", message);
    }
    const agent = this.#options.agents.get(instruction.agent);
    if (agent === undefined) {
      const message = `agent ${instruction.agent} is not known any more`;
      return this.#decline(instruction, "rejected", "NOT_FOUND", message);
    }
    const session = routeOf(agent, instruction.action, this.#options.sessions.of(agent), nowUs);
    if (session === "unhandled") {
      const message = `no part of agent ${agent.id} handles the action ${instruction.action}`;
      return this.#decline(instruction, "rejected", "NO_HANDLER", message);
    }
    const delivery = this.#deliveryOf(agent.id);
    if (session === "away") return this.#wait(instruction, delivery.parked);
    return this.#deliverTo(instruction, delivery.partOf(session.part.name), session, nowUs);
  }

  /** Sends once more what was not answered, if the part is there in the same life. */
  sendAgain(instruction: Instruction, nowUs: number): number {
    const session = this.sessionOf(instruction);
    if (
      session?.isLive === true &&
      !session.part.actionsFollow &&
      isRecipient(instruction, session) &&
      nowUs < instruction.deadlineUs
    ) {
      const part = this.#deliveryOf(instruction.agent).partOf(session.part.name);
      return this.#send(instruction, part, session, nowUs);
    }
    instruction.lastSentAtUs = nowUs;
    this.#host.watch(instruction);
    return 0;
  }

  /** Takes one that was under way before; false when it is more than its part may have, unless it is about to end. */
  restore(instruction: Instruction, isEnding: boolean): boolean {
    const delivery = this.#deliveryOf(instruction.agent);
    if (instruction.recipient === undefined || !wasSent(instruction)) {
      this.#wait(instruction, delivery.parked);
      return true;
    }
    const part = delivery.partOf(instruction.recipient.part);
    if (!instruction.isByHand && !isEnding && part.isOverfull) return false;
    part.outstanding.set(instruction.id, instruction);
    return true;
  }

  /** A part is attached: what was sent to it is sent again or is past, and what waits may find it; the oldest first. */
  attached(session: DeliverySession): void {
    const delivery = this.of(session.agent.id);
    if (delivery === undefined) return;
    const nowUs = this.#options.clock.nowUs();
    const due = delivery.takeWaiting();
    for (const { claims } of delivery.parts.values())
      for (const claim of claims) {
        if (!this.#host.unqueue(claim)) continue;
        claims.delete(claim);
        due.push(claim);
      }
    for (const instruction of [...delivery.partOf(session.part.name).outstanding.values()]) {
      if (!isRecipient(instruction, session)) {
        if (this.#outlives(instruction, session, nowUs)) due.push(instruction);
      } else if (instruction.status === "received") continue;
      else if (nowUs < instruction.deadlineUs) due.push(instruction);
      else {
        const message = "it had not reached the agent at its deadline";
        this.#host.end(instruction, "expired", "DEADLINE_EXCEEDED", message);
      }
    }
    due.sort((one, other) => one.createdAtUs - other.createdAtUs);
    for (const instruction of due) this.#host.queue(instruction);
  }

  /** A session of the agent is over; with the last one what is remembered of its failures is forgotten. */
  detached(agent: Agent): void {
    if (this.#options.sessions.of(agent).size === 0) this.#forgetIdle(agent.id);
  }

  /** An instruction has ended: its place is another's, and its outcome tells of the part. */
  ended(instruction: Instruction, nowUs: number): void {
    const { agent, recipient, status } = instruction;
    const delivery = this.of(agent);
    if (delivery === undefined) return;
    const claimed = delivery.takeClaim(instruction);
    if (claimed !== undefined) this.#release(claimed);
    const part = recipient === undefined ? undefined : delivery.parts.get(recipient.part);
    if (part?.outstanding.delete(instruction.id) === true) {
      if (status !== "executed" && status !== "failed") part.breaker.abandonTrial();
      else if (part.breaker.record(status === "executed", nowUs))
        this.#options.onBreakerOpen(agent, part.name);
      this.#release(part);
    } else delivery.removeWaiting(instruction);
    if (this.#options.agents.get(agent)?.slot === undefined) this.#forgetIdle(agent);
  }

  #deliverTo(
    instruction: Instruction,
    part: PartDelivery,
    session: DeliverySession,
    nowUs: number,
  ): number {
    if (part.room <= 0) return this.#wait(instruction, part.queued);
    if (!instruction.isByHand && !part.breaker.admits(nowUs)) {
      const message = `the breaker over part ${part.name} of agent ${instruction.agent} is open after repeated failures`;
      return this.#decline(instruction, "rejected", "BREAKER_OPEN", message);
    }
    // Behind an earlier one whose recipient is being written, so that it does not overtake it.
    if (instruction.isDurable && (!isRecipient(instruction, session) || part.isBehind(instruction)))
      return this.#recordRecipient(instruction, part, session);
    return this.#send(instruction, part, session, nowUs);
  }

  #send(
    instruction: Instruction,
    part: PartDelivery,
    session: DeliverySession,
    nowUs: number,
  ): number {
    // Before the instruction, or the part would begin it.
    if (instruction.isCancelRequested) session.sendCancellation(instruction.id);
    let sizeBytes: number;
    try {
      sizeBytes = session.sendInstruction(messageOf(instruction));
    } catch (error) {
      const { code, message } = MyelinError.from(error);
      part.breaker.abandonTrial();
      return this.#decline(instruction, "rejected", code, `it cannot be sent: ${message}`);
    }
    if (!isRecipient(instruction, session))
      instruction.recipient = { part: session.part.name, incarnation: session.part.incarnation };
    part.outstanding.set(instruction.id, instruction);
    const isFirst = instruction.status !== "sent";
    instruction.status = "sent";
    instruction.lastSentAtUs = nowUs;
    if (Number.isNaN(instruction.times.writtenAtUs)) instruction.times.writtenAtUs = nowUs;
    this.#host.watch(instruction);
    if (isFirst) this.#host.sent(instruction);
    return sizeBytes;
  }

  /** Puts the incarnation on disk before anything is sent to it (invariant 2), then delivers. */
  #recordRecipient(instruction: Instruction, part: PartDelivery, session: DeliverySession): number {
    const recipient = { part: session.part.name, incarnation: session.part.incarnation };
    part.claims.add(instruction);
    const past = instruction.isOutlived ? { isOutlived: true as const } : {};
    this.#options.store.updateInstructions([{ id: instruction.id, ...recipient, ...past }]).then(
      () => {
        if (!isEnded(instruction)) {
          instruction.recipient = recipient;
          this.#host.queue(instruction);
        }
        this.#host.flush();
      },
      (error: unknown) => {
        this.#options.onStoreError(MyelinError.from(error));
        if (isEnded(instruction)) return;
        part.claims.delete(instruction);
        this.#host.tryLater(instruction);
        this.#release(part);
        this.#host.flush();
      },
    );
    return 0;
  }

  /** The life of the part that the instruction was sent to is over; true when it is to be sent to the new one. */
  #outlives(instruction: Instruction, session: DeliverySession, nowUs: number): boolean {
    const part = this.#deliveryOf(instruction.agent).partOf(session.part.name);
    const isIdempotent = session.part.actions.get(instruction.action)?.isIdempotent === true;
    if (!isIdempotent || instruction.isCancelRequested || nowUs >= instruction.deadlineUs) {
      const message = `an earlier life of part ${part.name} ended before it told the outcome`;
      this.#host.end(instruction, "failed", "OUTCOME_UNKNOWN", message);
      return false;
    }
    part.outstanding.delete(instruction.id);
    part.breaker.abandonTrial();
    instruction.status = "accepted";
    instruction.isOutlived = true;
    instruction.times.receivedAtUs = Number.NaN;
    this.#host.watch(instruction);
    return true;
  }

  #wait(instruction: Instruction, backlog: Backlog): number {
    const shed = backlog.push(instruction);
    if (shed !== undefined)
      this.#decline(shed, "rejected", "SHED", `too many instructions wait for agent ${shed.agent}`);
    return 0;
  }

  #decline(
    instruction: Instruction,
    status: InstructionStatus,
    code: ErrorCode,
    message: string,
  ): number {
    this.#host.end(instruction, status, code, message);
    return 0;
  }

  /** Keeps what room a part's window has for those that wait, and sends them on their way. */
  #release(part: PartDelivery): void {
    while (part.room > 0) {
      const next = part.queued.pop();
      if (next === undefined) return;
      part.claims.add(next);
      this.#host.queue(next);
    }
  }

  #deliveryOf(agent: AgentId): Delivery {
    let delivery = this.#deliveries.get(agent);
    if (delivery === undefined) {
      delivery = new Delivery(this.#options);
      this.#deliveries.set(agent, delivery);
    }
    return delivery;
  }

  #forgetIdle(agent: AgentId): void {
    if (this.of(agent)?.isIdle === true) this.#deliveries.delete(agent);
  }
}
