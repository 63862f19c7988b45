/**
 * Sees each instruction to its one end.
 *
 * Invariants
 * 1. Every instruction that came in ends exactly once (`#end`), and the ledger hears of it then.
 * 2. What was never sent ends `expired` at its deadline.
 * 3. What was sent and not answered ends `failed` with OUTCOME_UNKNOWN: when the incarnation it was sent to
 *    is gone, unless the handler is idempotent (then it is sent again), and when nothing is heard
 *    until deadline, timeout and grace have passed. It never ends as if it had not begun.
 * 4. What rules decide while `maxOpen` of theirs are open is shed. What agents tell that they still run is taken
 *    up all the same, bounded by what each part may have. What a caller was told is accepted is never shed:
 *    it is bounded where it is accepted.
 */
import type { Clock } from "@myelin/core/clock";
import { type ErrorCode, MyelinError } from "@myelin/core/errors";
import type { AgentId, InstructionId, PartName, RuleName } from "@myelin/core/ids";
import {
  type InstructionDocument,
  type InstructionStatus,
  mayTryAgain,
} from "@myelin/core/instruction";
import type { Acknowledgement } from "@myelin/core/wire";
import type { Firing } from "../engine/index.ts";
import { type Instruction, isEnded, type StageTimes } from "../instruction/index.ts";
import type { Agent } from "../registry/index.ts";
import type { Scheduler } from "../scheduler/index.ts";
import { errorOf, noteTimes } from "./answer.ts";
import { Courier, type CourierOptions, type OpenBreaker } from "./courier.ts";
import { DueTimes } from "./due-times.ts";
import { RecentIds } from "./recent-ids.ts";
import type { DeliverySession } from "./recipient.ts";
import { type Accounts, type EpisodeKeeper, Settler } from "./settler.ts";
import { instructionOfFiring } from "./sources.ts";

/** What becomes of an instruction is told to the engine, for cooldown and further attempts. */
export interface RuleFeedback {
  instructionEnded(
    rule: RuleName,
    slot: number,
    end: { succeeded: boolean; endedAtUs: number; attempt: number; startedAtUs: number },
  ): void;
}

export interface DispatchOptions extends CourierOptions {
  readonly clock: Clock;
  readonly ledger: Accounts;
  readonly episodes: EpisodeKeeper;
  readonly rules: RuleFeedback;
  /** Most instructions of rules open in the node. */
  readonly maxOpen: number;
  /** How long after its timeout an instruction may still be answered. */
  readonly graceUs: number;
  /** An instruction without any answer is sent again after this, and a write that failed is tried again. */
  readonly resendAfterUs: number;
  /** Delivers and writes what is queued; called after work that no frame caused. */
  readonly flush: () => void;
  /** Told of each instruction that came in, was sent for the first time, or was received: its status says which. */
  readonly onProgress: (instruction: Instruction) => void;
  /** Told of each end, after it was accounted. */
  readonly onEnded: (instruction: Instruction, document: InstructionDocument) => void;
  /** Told of each instruction last: its end is on disk, or the disk did not take it. */
  readonly onOver?: ((instruction: Instruction, isKept: boolean) => void) | undefined;
  /** Told of each end when callers may hear of it: once it is on disk, where the instruction is durable. */
  readonly onTold: (instruction: Instruction, document: InstructionDocument) => void;
}

/** Most ids of decided instructions remembered, so that no episode acts twice. */
const maxRemembered = 65_536;

export class Dispatch {
  readonly #options: DispatchOptions;
  readonly #open = new Map<InstructionId, Instruction>();
  readonly #courier: Courier;
  readonly #due: DueTimes;
  readonly #settler: Settler;
  readonly #decided = new RecentIds(maxRemembered);
  readonly #scheduler: () => Scheduler;
  #openByHand = 0;
  #isDraining = false;
  /** Answers to instructions that had ended, or were another's. */
  lateAnswers = 0;

  /** `scheduler` is asked for at the first delivery: the two stations know each other. */
  constructor(options: DispatchOptions, scheduler: () => Scheduler) {
    const { clock, ledger, episodes, store, resendAfterUs, flush, onStoreError } = options;
    this.#options = options;
    this.#scheduler = scheduler;
    this.#due = new DueTimes(clock, (instruction, nowUs) => this.#onDue(instruction, nowUs), flush);
    this.#courier = new Courier(options, {
      queue: (instruction) => this.#scheduler().push(instruction),
      unqueue: (instruction) => this.#scheduler().remove(instruction),
      watch: (instruction) => this.#due.set(instruction, this.#dueOf(instruction)),
      sent: (instruction) => options.onProgress(instruction),
      tryLater: (instruction) =>
        this.#due.set(instruction, Math.min(instruction.deadlineUs, clock.nowUs() + resendAfterUs)),
      end: (instruction, status, code, message) =>
        this.#endUndone(instruction, status, code, message),
      flush,
    });
    this.#settler = new Settler({
      clock,
      ledger,
      episodes,
      store,
      onStoreError,
      retryAfterUs: resendAfterUs,
      onTold: options.onTold,
      onOver: options.onOver,
      onSettled: (instruction) =>
        this.#courier.sessionOf(instruction)?.sendSettlement([instruction.id]),
    });
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Open instructions by hand. */
  get openByHandCount(): number {
    return this.#openByHand;
  }

  /** An open instruction. */
  get(id: InstructionId): Instruction | undefined {
    return this.#open.get(id);
  }

  /** An instruction that is open, or has ended and is not on disk yet. */
  find(id: InstructionId): Instruction | undefined {
    return this.#open.get(id) ?? this.#settler.get(id);
  }

  open(): IterableIterator<Instruction> {
    return this.#open.values();
  }

  /** An instruction as callers may be told of it: what must be on disk first and is not has not ended yet. */
  shown(instruction: Instruction): Instruction {
    return this.#settler.untold(instruction.id) ?? instruction;
  }

  /** All that callers are shown as not ended. */
  *shownOpen(): Generator<Instruction, void> {
    yield* this.#open.values();
    yield* this.#settler.allUntold();
  }

  /** Ended instructions that the disk has not taken yet. */
  get unwrittenCount(): number {
    return this.#settler.size;
  }

  outstandingOf(agent: AgentId): number {
    return this.#courier.of(agent)?.outstandingCount ?? 0;
  }

  openBreakersOf(agent: AgentId): readonly string[] {
    return this.#courier.of(agent)?.openBreakers() ?? [];
  }

  /** The breakers over parts of agents that keep rules from them. */
  openBreakers(): readonly OpenBreaker[] {
    return this.#courier.openBreakers();
  }

  /** Closes the breaker over a part by hand; false when it was closed. */
  closeBreaker(agent: AgentId, part: PartName): boolean {
    return this.#courier.of(agent)?.parts.get(part)?.breaker.close() ?? false;
  }

  /** True for an instruction that a rule decided since the node started; the latest of them are remembered. */
  hasDecided(id: InstructionId): boolean {
    return this.#decided.has(id);
  }

  /** True for one that this run decided and the disk did not take the end of, where an earlier life of its part may have done it. */
  wasOutlived(id: InstructionId): boolean {
    return this.#settler.wasOutlived(id);
  }

  /**
   * Takes what a rule decided. It leaves when the scheduler is drained.
   * @param appliedUntilUs Newest sample of the episode's time line that was applied, on its part's clock; 0 for none.
   */
  fire(firing: Firing, times: StageTimes, appliedUntilUs = 0): void {
    if (this.#decided.has(firing.id) || this.#open.has(firing.id)) return;
    this.#decided.add(firing.id);
    const instruction = instructionOfFiring(firing, times, appliedUntilUs);
    const { name } = firing.plan;
    const { maxOpen } = this.#options;
    if (firing.isShadow)
      this.#end(
        instruction,
        "canceled",
        "SHADOW",
        firing.plan.mode === "shadow"
          ? `rule ${name} is in shadow mode: not sent`
          : "enforcement is off: not sent",
      );
    else if (firing.isSuppressed)
      this.#end(
        instruction,
        "rejected",
        "BREAKER_OPEN",
        `suppressed: the breaker of rule ${name} is open`,
      );
    else if (this.#isDraining)
      this.#end(instruction, "rejected", "NODE_DRAINING", "the node is shutting down");
    else if (this.#open.size - this.#openByHand >= maxOpen)
      this.#end(
        instruction,
        "rejected",
        "SHED",
        `${maxOpen} instructions of rules are open already`,
      );
    else this.add(instruction);
  }

  /** Takes an instruction that is ready to go. */
  add(instruction: Instruction): void {
    this.#enter(instruction);
    this.#due.set(instruction, instruction.deadlineUs);
    this.#scheduler().push(instruction);
  }

  /**
   * Takes one that was under way before: open on disk when the node started, or told of by its
   * agent. What may have been sent waits for its agent's word, the rest for the agent.
   * One that is about to end takes nobody's place.
   * @returns False when it is more than its part can have.
   */
  restore(
    instruction: Instruction,
    { isEnding = false }: { readonly isEnding?: boolean } = {},
  ): boolean {
    if (!this.#courier.restore(instruction, isEnding)) return false;
    this.#enter(instruction);
    this.#due.set(instruction, this.#dueOf(instruction));
    return true;
  }

  /** Sends an instruction on its way; returns the bytes written. Called by the scheduler, by score. */
  deliver(instruction: Instruction): number {
    return this.#courier.deliver(instruction);
  }

  /** The end of an instruction that is not open any more is on disk with its episode, after all: its agent may forget it. */
  kept(id: InstructionId): void {
    this.#settler.kept(id);
  }

  /** A part said how far an instruction has come. */
  acknowledge(session: DeliverySession, acknowledgement: Acknowledgement): void {
    const { status } = acknowledgement;
    const instruction = this.#open.get(acknowledgement.instructionId as InstructionId);
    if (
      instruction === undefined ||
      instruction.status === "accepted" ||
      instruction.agent !== session.agent.id ||
      instruction.recipient?.part !== session.part.name
    ) {
      this.#answeredLate(session, acknowledgement);
      return;
    }
    noteTimes(instruction, session, acknowledgement, this.#options.clock.nowUs());
    if (status === "received") {
      const isNews = instruction.status !== "received";
      instruction.status = "received";
      this.#due.set(instruction, this.#dueOf(instruction));
      if (isNews) this.#options.onProgress(instruction);
      return;
    }
    if (status === "executed") instruction.result = acknowledgement.result;
    const error = errorOf(acknowledgement);
    if (status === "executed" || status === "failed" || !instruction.isOutlived)
      this.#end(instruction, status, error?.code, error?.message);
    else this.#endUndone(instruction, status, "OUTCOME_UNKNOWN", error?.message ?? status);
  }

  /**
   * A part is attached, and what it told of has been acknowledged. In the same life, what it did not tell of has
   * not reached it, and is sent once more. What a former life left open is unknown, or done again where that does no harm.
   */
  attached(session: DeliverySession): void {
    this.#courier.attached(session);
  }

  /** A session of the agent is over. */
  detached(agent: Agent): void {
    this.#courier.detached(agent);
  }

  /** The agent is not known any more: what it was not given ends undone, and of the rest nobody will tell. */
  forgotten(agent: AgentId): void {
    for (const instruction of [...this.#open.values()]) {
      if (instruction.agent !== agent) continue;
      const message = `agent ${agent} was forgotten`;
      if (instruction.status === "accepted")
        this.#endUndone(instruction, "rejected", "NOT_FOUND", message);
      else
        this.#end(
          instruction,
          "failed",
          "OUTCOME_UNKNOWN",
          `${message} before it told the outcome`,
        );
    }
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
      this.#endUndone(instruction, "canceled", "CANCELED", "canceled before it was sent");
      return;
    }
    instruction.isCancelRequested = true;
    this.#courier.sessionOf(instruction)?.sendCancellation(instruction.id);
  }

  /** Calls off what a rule decided and no agent was given yet: enforcement was switched off. */
  withhold(instruction: Instruction): void {
    this.#endUndone(instruction, "canceled", "SHADOW", "enforcement was switched off: not sent");
  }

  /** What left the scheduler's full queue. */
  shed(instruction: Instruction): void {
    this.#endUndone(
      instruction,
      "rejected",
      "SHED",
      "dropped from a full queue in favour of higher scores",
    );
  }

  /** From now on what rules decide is rejected. */
  drain(): void {
    this.#isDraining = true;
  }

  /**
   * The node stops: ends what its next run cannot take up again. Durable instructions stay open on disk;
   * what rules have sent stays with the agents, who tell of it in their next hello.
   */
  handBack(): void {
    for (const instruction of [...this.#open.values()]) {
      if (instruction.isDurable) continue;
      const message = "the node shut down before the agent told the outcome";
      if (instruction.status === "accepted")
        this.#endUndone(instruction, "rejected", "NODE_DRAINING", "the node shut down");
      else if (instruction.isByHand) this.#end(instruction, "failed", "OUTCOME_UNKNOWN", message);
    }
  }

  /** Stops all timers, for good. */
  stop(): void {
    this.#due.stop();
  }

  #enter(instruction: Instruction): void {
    this.#open.set(instruction.id, instruction);
    if (instruction.isByHand) this.#openByHand += 1;
    this.#options.onProgress(instruction);
  }

  /** When the instruction is to be looked at next, by how far it has come. */
  #dueOf(instruction: Instruction): number {
    const { graceUs, resendAfterUs } = this.#options;
    const { deadlineUs, timeoutUs, lastSentAtUs, status, times } = instruction;
    if (status === "accepted") return deadlineUs;
    const isBegun = status === "received" && !Number.isNaN(times.receivedAtUs);
    const lastWordUs = (isBegun ? times.receivedAtUs : deadlineUs) + timeoutUs + graceUs;
    if (status === "received") return lastWordUs;
    const resendUs = lastSentAtUs + resendAfterUs;
    return resendUs < deadlineUs ? resendUs : lastWordUs;
  }

  #onDue(instruction: Instruction, nowUs: number): void {
    const { status, deadlineUs, timeoutUs } = instruction;
    if (status === "accepted") {
      if (nowUs < deadlineUs) this.#due.set(instruction, deadlineUs);
      this.#courier.deliver(instruction);
    } else if (status === "received") this.#endUnanswered(instruction);
    else if (nowUs < deadlineUs + timeoutUs + this.#options.graceUs)
      this.#courier.sendAgain(instruction, nowUs);
    else this.#end(instruction, "failed", "OUTCOME_UNKNOWN", "sent, and the agent never answered");
  }

  /** The agent began, and no outcome was heard in time: it failed if the part is there to tell one, else nobody knows. */
  #endUnanswered(instruction: Instruction): void {
    if (this.#courier.sessionOf(instruction)?.isLive === true)
      this.#end(instruction, "failed", "TIMEOUT", "no outcome was told within the timeout");
    else
      this.#end(
        instruction,
        "failed",
        "OUTCOME_UNKNOWN",
        "it began, and its agent was away when its timeout had passed",
      );
  }

  /** Ends what was not done. If a former life of the part was given it, it may have been done all the same. */
  #endUndone(
    instruction: Instruction,
    status: InstructionStatus,
    code: ErrorCode,
    message: string,
  ): void {
    if (!instruction.isOutlived) this.#end(instruction, status, code, message);
    else
      this.#end(
        instruction,
        "failed",
        "OUTCOME_UNKNOWN",
        `sent to an earlier life of the part, and not done again: ${message}`,
      );
  }

  /** The one place where an instruction ends. */
  #end(
    instruction: Instruction,
    status: InstructionStatus,
    code?: ErrorCode,
    message?: string,
  ): void {
    const nowUs = this.#options.clock.nowUs();
    const statusBefore = instruction.status;
    instruction.status = status;
    instruction.endedAtUs = nowUs;
    if (code !== undefined) instruction.error = { code, message: message ?? "" };
    if (this.#open.delete(instruction.id) && instruction.isByHand) this.#openByHand -= 1;
    this.#due.clear(instruction);
    this.#scheduler().remove(instruction);
    this.#courier.ended(instruction, nowUs);
    this.#tellEngine(instruction, nowUs);
    this.#options.onEnded(instruction, this.#settler.settle(instruction, statusBefore));
  }

  #tellEngine(instruction: Instruction, nowUs: number): void {
    const { episode, status, times } = instruction;
    const slot = this.#options.agents.get(instruction.agent)?.slot;
    if (episode === undefined || slot === undefined || instruction.isHeldBack) return;
    this.#options.rules.instructionEnded(episode.rule, slot, {
      succeeded: !mayTryAgain(status),
      endedAtUs: times.executedAtUs < nowUs ? times.executedAtUs : nowUs,
      attempt: episode.attempt,
      startedAtUs: episode.startedAtUs,
    });
  }

  /** An answer to what is not open: the agent may forget it, unless its end is still on the way to the disk. */
  #answeredLate(session: DeliverySession, { instructionId, status }: Acknowledgement): void {
    this.lateAnswers += 1;
    if (status !== "received" && this.#settler.mayForget(instructionId as InstructionId))
      session.sendSettlement([instructionId]);
  }
}
