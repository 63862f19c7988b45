/**
 * Delivers instructions and sees each of them to its one end.
 *
 * Invariants
 * 1. Every instruction that came in ends exactly once (`#end`), and the ledger hears of it then.
 * 2. It is sent only before its deadline; unsent at its deadline it ends `expired`.
 * 3. A durable instruction is sent to an incarnation only after that incarnation is on disk with it,
 *    so that after a crash nobody else is given what that one may have done.
 * 4. What was sent to an incarnation that is gone ends `failed` with OUTCOME_UNKNOWN, unless its
 *    handler is idempotent: then it is sent again.
 * 5. Per agent at most `maxOutstanding` are sent and not ended, and at most `maxWaiting` wait; beyond
 *    that the lowest score is shed, and never a durable one.
 */
import type { Clock } from "@myelin/core/clock";
import { type ErrorCode, MyelinError } from "@myelin/core/errors";
import type { AgentId, InstructionId, RuleName } from "@myelin/core/ids";
import type { InstructionStatus } from "@myelin/core/instruction";
import type { Acknowledgement } from "@myelin/core/wire";
import type { Firing } from "../engine/index.ts";
import { type Instruction, isEnded, type StageTimes } from "../instruction/index.ts";
import type { Store } from "../ports/store.ts";
import type { Agent } from "../registry/index.ts";
import type { Scheduler } from "../scheduler/index.ts";
import type { BreakerOptions } from "./breaker.ts";
import { Delivery, messageOf } from "./delivery.ts";
import { DueTimes } from "./due-times.ts";
import { type DeliverySession, routeOf, type Sessions } from "./recipient.ts";
import { instructionOfFiring } from "./sources.ts";

/** What becomes of an instruction is told to the engine, for cooldown and further attempts. */
export interface RuleFeedback {
  instructionEnded(
    rule: RuleName,
    slot: number,
    end: { succeeded: boolean; endedAtUs: number; attempt: number; startedAtUs: number },
  ): void;
}

/** Where ended instructions are accounted. */
export interface Accounts {
  /** Accounts an ended instruction; resolves to true when that is on disk, to false when the disk did not take it. */
  account(instruction: Instruction): Promise<boolean>;
}

export interface DispatchOptions {
  readonly clock: Clock;
  readonly agents: { get(id: AgentId): Agent | undefined };
  readonly sessions: Sessions;
  readonly store: Pick<Store, "updateInstructions">;
  readonly ledger: Accounts;
  readonly rules: RuleFeedback;
  /** Most instructions sent to one agent and not ended. */
  readonly maxOutstanding: number;
  /** Most instructions waiting for one agent. */
  readonly maxWaiting: number;
  /** Most instructions open in the node. */
  readonly maxOpen: number;
  readonly breaker: BreakerOptions;
  /** How long after its timeout an instruction may still be answered. */
  readonly graceUs: number;
  /** An instruction without any answer is sent again after this. */
  readonly resendAfterUs: number;
  /** Writes what sessions have queued; called after work that no frame caused. */
  readonly flush: () => void;
  /** Told of each end, after it was accounted. */
  readonly onEnded: (instruction: Instruction) => void;
  /** Told when the breaker over a part of an agent opens. */
  readonly onBreakerOpen: (agent: AgentId, part: string) => void;
  /** Told when a write about an instruction failed. */
  readonly onStoreError: (error: MyelinError) => void;
}

export class Dispatch {
  readonly #options: DispatchOptions;
  readonly #open = new Map<InstructionId, Instruction>();
  readonly #deliveries = new Map<AgentId, Delivery>();
  readonly #due: DueTimes;
  readonly #scheduler: () => Scheduler;
  /** Ends of durable instructions that are not on disk yet; bounded by the open ones, tried again. */
  readonly #unwritten = new Set<Instruction>();
  /** Answers to instructions that had ended, or were another's. */
  lateAnswers = 0;

  /** `scheduler` is asked for at the first delivery: the two stations know each other. */
  constructor(options: DispatchOptions, scheduler: () => Scheduler) {
    this.#options = options;
    this.#scheduler = scheduler;
    this.#due = new DueTimes(
      options.clock,
      options.maxOpen + 1,
      (instruction, nowUs) => this.#onDue(instruction, nowUs),
      options.flush,
    );
  }

  get openCount(): number {
    return this.#open.size;
  }

  get(id: InstructionId): Instruction | undefined {
    return this.#open.get(id);
  }

  open(): IterableIterator<Instruction> {
    return this.#open.values();
  }

  /** Ends of durable instructions that the disk has not taken yet. */
  get unwrittenCount(): number {
    return this.#unwritten.size;
  }

  outstandingOf(agent: AgentId): number {
    return this.#deliveries.get(agent)?.outstanding.size ?? 0;
  }

  openBreakersOf(agent: AgentId): readonly string[] {
    return this.#deliveries.get(agent)?.openBreakers() ?? [];
  }

  /** Takes what a rule decided. It leaves when the scheduler is drained. */
  fire(firing: Firing, times: StageTimes): void {
    const instruction = instructionOfFiring(firing, times);
    if (this.#open.has(instruction.id)) return;
    if (firing.isShadow || firing.isSuppressed) {
      const code = firing.isSuppressed ? "BREAKER_OPEN" : "SHADOW";
      this.#end(
        instruction,
        firing.isSuppressed ? "rejected" : "canceled",
        code,
        shadowMessage(firing),
      );
      return;
    }
    if (this.#open.size >= this.#options.maxOpen) {
      this.#end(
        instruction,
        "rejected",
        "SHED",
        `the node already has ${this.#open.size} open instructions`,
      );
      return;
    }
    this.add(instruction);
  }

  /** Takes an instruction that is ready to go. */
  add(instruction: Instruction): void {
    this.#open.set(instruction.id, instruction);
    this.#due.set(instruction, instruction.deadlineUs);
    this.#scheduler().push(instruction);
  }

  /**
   * Takes one that was under way before: open on disk when the node started, or told of by its
   * agent. What may have been sent waits for its agent's word, the rest for the agent.
   */
  restore(instruction: Instruction): void {
    this.#open.set(instruction.id, instruction);
    const delivery = this.#deliveryOf(instruction.agent);
    if (instruction.recipient === undefined)
      delivery.waiting.push(instruction, instruction.score, { isProtected: true });
    else delivery.outstanding.set(instruction.id, instruction);
    this.#due.set(instruction, this.#dueOf(instruction));
  }

  /** Sends an instruction on its way; returns the bytes written. Called by the scheduler, by score. */
  deliver(instruction: Instruction): number {
    if (isEnded(instruction)) return 0;
    const nowUs = this.#options.clock.nowUs();
    const agent = this.#options.agents.get(instruction.agent);
    if (nowUs >= instruction.deadlineUs) return this.#expire(instruction);
    if (agent === undefined)
      return this.#reject(
        instruction,
        "NOT_FOUND",
        `agent ${instruction.agent} is not known any more`,
      );
    const route = routeOf(agent, instruction.action, this.#options.sessions.of(agent), nowUs);
    if (route.kind === "unhandled") {
      return this.#reject(
        instruction,
        "NO_HANDLER",
        `no part of agent ${agent.id} handles the action ${instruction.action}`,
      );
    }
    const delivery = this.#deliveryOf(agent.id);
    if (route.kind === "away" || delivery.outstanding.size >= this.#options.maxOutstanding)
      return this.#wait(instruction, delivery);
    const { part } = route.session;
    if (
      !instruction.isByHand &&
      !delivery.breakerOf(part.name, this.#options.breaker).admits(nowUs)
    ) {
      return this.#reject(
        instruction,
        "BREAKER_OPEN",
        `the breaker over part ${part.name} of agent ${agent.id} is open after repeated failures`,
      );
    }
    if (instruction.isDurable && !isRecipient(instruction, route.session))
      return this.#recordRecipient(instruction, route.session);
    return this.#send(instruction, delivery, route.session, nowUs);
  }

  /** A part said how far an instruction has come. */
  acknowledge(session: DeliverySession, acknowledgement: Acknowledgement): void {
    const instruction = this.#open.get(acknowledgement.instructionId as InstructionId);
    if (
      instruction === undefined ||
      instruction.agent !== session.agent.id ||
      instruction.recipient?.part !== session.part.name
    ) {
      this.lateAnswers++;
      if (acknowledgement.status !== "received")
        session.sendSettlement([acknowledgement.instructionId]);
      return;
    }
    const times = instruction.times;
    if (Number.isNaN(times.receivedAtUs) && acknowledgement.receivedAtUs > 0) {
      times.receivedAtUs = session.toNodeTimeUs(acknowledgement.receivedAtUs);
    }
    if (acknowledgement.status === "received") {
      if (instruction.status === "sent" || instruction.status === "accepted")
        instruction.status = "received";
      this.#due.set(instruction, this.#dueOf(instruction));
      return;
    }
    if (acknowledgement.endedAtUs > 0)
      times.executedAtUs = session.toNodeTimeUs(acknowledgement.endedAtUs);
    if (acknowledgement.status === "executed" && acknowledgement.result !== undefined)
      instruction.result = acknowledgement.result;
    const { error } = acknowledgement;
    const asCode =
      error === undefined ? undefined : MyelinError.fromDocument(error as { code: ErrorCode }).code;
    this.#end(instruction, acknowledgement.status, asCode, error?.message);
  }

  /** The part has a session again in the same incarnation: what it did not tell of is sent once more. */
  resume(session: DeliverySession): void {
    const delivery = this.#deliveries.get(session.agent.id);
    if (delivery === undefined) return;
    const nowUs = this.#options.clock.nowUs();
    for (const instruction of [...delivery.outstanding.values()]) {
      if (instruction.recipient?.part !== session.part.name || instruction.status === "received")
        continue;
      if (nowUs >= instruction.deadlineUs) this.#expire(instruction);
      else this.#send(instruction, delivery, session, nowUs);
    }
    this.#releaseWaiting(delivery);
  }

  /** The part lives a new life: what its former one left open is unknown, or done again where that does no harm. */
  startIncarnation(session: DeliverySession): void {
    const delivery = this.#deliveries.get(session.agent.id);
    if (delivery === undefined) return;
    for (const instruction of [...delivery.outstanding.values()]) {
      const { recipient } = instruction;
      if (
        recipient?.part !== session.part.name ||
        recipient.incarnation === session.part.incarnation
      )
        continue;
      delivery.outstanding.delete(instruction.id);
      if (session.part.actions.get(instruction.action)?.isIdempotent === true) {
        instruction.status = "accepted";
        instruction.times.receivedAtUs = Number.NaN;
        this.#due.set(instruction, instruction.deadlineUs);
        this.#scheduler().push(instruction);
        continue;
      }
      this.#end(
        instruction,
        "failed",
        "OUTCOME_UNKNOWN",
        `incarnation ${recipient.incarnation} of part ${recipient.part} ended before it told the outcome`,
      );
    }
    this.#releaseWaiting(delivery);
  }

  /**
   * Calls an instruction off if it was not sent; asks the agent to drop it if it was not received.
   * @throws MyelinError CONFLICT when it has begun
   */
  cancel(instruction: Instruction): void {
    if (instruction.status === "received" || isEnded(instruction)) {
      throw new MyelinError("CONFLICT", `instruction ${instruction.id} is ${instruction.status}`, {
        hint: "Only what has not begun can be canceled.",
      });
    }
    if (instruction.status === "accepted") {
      this.#end(instruction, "canceled", "CANCELED", "canceled before it was sent");
      return;
    }
    const agent = this.#options.agents.get(instruction.agent);
    const part = instruction.recipient?.part;
    if (agent !== undefined && part !== undefined)
      this.#options.sessions.of(agent).get(part)?.sendCancellation(instruction.id);
  }

  /** What left the scheduler's full queue. */
  shed(instruction: Instruction): void {
    this.#end(
      instruction,
      "rejected",
      "SHED",
      "dropped from a full queue in favour of higher scores",
    );
  }

  /** Stops all timers. */
  stop(): void {
    this.#due.stop();
  }

  #send(
    instruction: Instruction,
    delivery: Delivery,
    session: DeliverySession,
    nowUs: number,
  ): number {
    if (!isRecipient(instruction, session))
      instruction.recipient = { part: session.part.name, incarnation: session.part.incarnation };
    delivery.outstanding.set(instruction.id, instruction);
    instruction.status = "sent";
    instruction.lastSentAtUs = nowUs;
    if (Number.isNaN(instruction.times.writtenAtUs)) instruction.times.writtenAtUs = nowUs;
    const sizeBytes = session.sendInstruction(messageOf(instruction));
    this.#due.set(instruction, this.#dueOf(instruction));
    return sizeBytes;
  }

  /** Puts the incarnation on disk before anything is sent to it (invariant 3), then delivers. */
  #recordRecipient(instruction: Instruction, session: DeliverySession): number {
    const recipient = { part: session.part.name, incarnation: session.part.incarnation };
    this.#options.store
      .updateInstructions([
        { id: instruction.id, part: recipient.part, incarnation: recipient.incarnation },
      ])
      .then(
        () => {
          if (isEnded(instruction)) return;
          instruction.recipient = recipient;
          this.#scheduler().push(instruction);
          this.#scheduler().drain();
          this.#options.flush();
        },
        (error: unknown) => {
          this.#options.onStoreError(MyelinError.from(error));
          if (!isEnded(instruction))
            this.#due.set(
              instruction,
              Math.min(
                instruction.deadlineUs,
                this.#options.clock.nowUs() + this.#options.resendAfterUs,
              ),
            );
        },
      );
    return 0;
  }

  #wait(instruction: Instruction, delivery: Delivery): number {
    const shed = delivery.waiting.push(instruction, instruction.score, {
      isProtected: instruction.isDurable,
    });
    if (shed !== undefined)
      this.#end(shed, "rejected", "SHED", `too many instructions wait for agent ${shed.agent}`);
    return 0;
  }

  #releaseWaiting(delivery: Delivery): void {
    let room = this.#options.maxOutstanding - delivery.outstanding.size;
    while (room-- > 0) {
      const next = delivery.waiting.pop();
      if (next === undefined) return;
      this.#scheduler().push(next);
    }
  }

  #expire(instruction: Instruction): number {
    this.#end(
      instruction,
      "expired",
      "DEADLINE_EXCEEDED",
      "it could not begin before its deadline",
    );
    return 0;
  }

  #reject(instruction: Instruction, code: ErrorCode, message: string): number {
    this.#end(instruction, "rejected", code, message);
    return 0;
  }

  /** When the instruction is to be looked at next, by how far it has come. */
  #dueOf(instruction: Instruction): number {
    const { graceUs, resendAfterUs } = this.#options;
    if (instruction.status === "accepted") return instruction.deadlineUs;
    if (instruction.status === "received") {
      const begunAtUs = Number.isNaN(instruction.times.receivedAtUs)
        ? instruction.deadlineUs
        : instruction.times.receivedAtUs;
      return begunAtUs + instruction.timeoutUs + graceUs;
    }
    const lastWordUs = instruction.deadlineUs + instruction.timeoutUs + graceUs;
    const resendUs = instruction.lastSentAtUs + resendAfterUs;
    return resendUs < instruction.deadlineUs ? resendUs : lastWordUs;
  }

  #onDue(instruction: Instruction, nowUs: number): void {
    if (isEnded(instruction)) return;
    if (instruction.status === "received") {
      this.#end(
        instruction,
        "failed",
        "TIMEOUT",
        "the agent did not tell an outcome within the timeout",
      );
      return;
    }
    if (instruction.status === "accepted") {
      if (nowUs >= instruction.deadlineUs) this.#expire(instruction);
      else this.deliver(instruction);
      return;
    }
    if (nowUs < instruction.deadlineUs) {
      this.#sendAgain(instruction, nowUs);
      return;
    }
    this.#end(
      instruction,
      "failed",
      "OUTCOME_UNKNOWN",
      "it was sent, and the agent never answered",
    );
  }

  #sendAgain(instruction: Instruction, nowUs: number): void {
    const agent = this.#options.agents.get(instruction.agent);
    const part = instruction.recipient?.part;
    const session =
      agent === undefined || part === undefined
        ? undefined
        : this.#options.sessions.of(agent).get(part);
    if (session?.isLive === true && isRecipient(instruction, session)) {
      this.#send(instruction, this.#deliveryOf(instruction.agent), session, nowUs);
      return;
    }
    instruction.lastSentAtUs = nowUs;
    this.#due.set(instruction, this.#dueOf(instruction));
  }

  #deliveryOf(agent: AgentId): Delivery {
    let delivery = this.#deliveries.get(agent);
    if (delivery === undefined) {
      delivery = new Delivery(this.#options.maxWaiting);
      this.#deliveries.set(agent, delivery);
    }
    return delivery;
  }

  /** The one place where an instruction ends. */
  #end(
    instruction: Instruction,
    status: InstructionStatus,
    code?: ErrorCode,
    message?: string,
  ): void {
    const nowUs = this.#options.clock.nowUs();
    instruction.status = status;
    instruction.endedAtUs = nowUs;
    if (code !== undefined) instruction.error = { code, message: message ?? "" };
    this.#open.delete(instruction.id);
    this.#due.clear(instruction);
    this.#scheduler().remove(instruction);
    this.#leaveDelivery(instruction, nowUs);
    this.#tellEngine(instruction, nowUs);
    this.#settle(instruction);
    this.#options.onEnded(instruction);
  }

  #leaveDelivery(instruction: Instruction, nowUs: number): void {
    const delivery = this.#deliveries.get(instruction.agent);
    if (delivery === undefined) return;
    const wasOutstanding = delivery.outstanding.delete(instruction.id);
    if (!wasOutstanding) delivery.waiting.remove(instruction);
    const part = instruction.recipient?.part;
    if (wasOutstanding && part !== undefined) {
      const breaker = delivery.breakerOf(part, this.#options.breaker);
      if (instruction.status === "executed" || instruction.status === "failed") {
        if (breaker.record(instruction.status === "executed", nowUs))
          this.#options.onBreakerOpen(instruction.agent, part);
      } else breaker.abandonTrial();
      this.#releaseWaiting(delivery);
    }
    if (delivery.isIdle) this.#deliveries.delete(instruction.agent);
  }

  #tellEngine(instruction: Instruction, nowUs: number): void {
    const { episode } = instruction;
    const slot = this.#options.agents.get(instruction.agent)?.slot;
    if (episode === undefined || slot === undefined || instruction.error?.code === "SHADOW") return;
    this.#options.rules.instructionEnded(episode.rule, slot, {
      succeeded: instruction.status === "executed",
      endedAtUs: nowUs,
      attempt: episode.attempt,
      startedAtUs: episode.startedAtUs,
    });
  }

  /** Puts the end on disk, then tells the agent that it may forget it. */
  #settle(instruction: Instruction): void {
    const accounted = this.#options.ledger.account(instruction);
    const written = instruction.isDurable
      ? this.#writeEnd(instruction).then(() => accounted)
      : accounted;
    written.then(
      (isOnDisk) => {
        const { recipient } = instruction;
        const agent = this.#options.agents.get(instruction.agent);
        if (!isOnDisk || recipient === undefined || agent === undefined) return;
        this.#options.sessions.of(agent).get(recipient.part)?.sendSettlement([instruction.id]);
      },
      (error: unknown) => this.#options.onStoreError(MyelinError.from(error)),
    );
  }

  async #writeEnd(instruction: Instruction): Promise<void> {
    this.#unwritten.add(instruction);
    const change = {
      id: instruction.id,
      status: instruction.status,
      endedAtUs: instruction.endedAtUs ?? 0,
      ...(instruction.result === undefined ? {} : { result: instruction.result }),
      ...(instruction.error === undefined ? {} : { error: instruction.error }),
    };
    for (;;) {
      try {
        await this.#options.store.updateInstructions([change]);
        this.#unwritten.delete(instruction);
        return;
      } catch (error) {
        const failure = MyelinError.from(error);
        this.#options.onStoreError(failure);
        if (!failure.isRetryable) throw failure;
        await new Promise<void>((resolve) =>
          this.#options.clock.schedule(this.#options.resendAfterUs, resolve),
        );
      }
    }
  }
}

function isRecipient(instruction: Instruction, session: DeliverySession): boolean {
  return (
    instruction.recipient?.part === session.part.name &&
    instruction.recipient.incarnation === session.part.incarnation
  );
}

function shadowMessage(firing: Firing): string {
  return firing.isSuppressed
    ? `the breaker of rule ${firing.plan.name} is open: decided, not sent`
    : `rule ${firing.plan.name} is in shadow mode: decided, not sent`;
}
