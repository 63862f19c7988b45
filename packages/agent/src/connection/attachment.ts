import type { Channel } from "@myelin/core/channel";
import type { Acknowledgement, Resume, Welcome } from "@myelin/core/wire";
import type { Handlers, OutcomeStore } from "../instructions/index.ts";
import type { Telemetry } from "../telemetry/index.ts";
import type { AgentClock } from "../time/index.ts";
import { helloOf, type Identity, outcomesForHello } from "./greeting.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { Outbox } from "./outbox.ts";

/** Outcomes told after the welcome leave in frames of about this size. */
const outcomeFrameBytes = 65_536;

/** Most outcomes that are told again at once, and how long until the next. */
const mostRetold = 1000;
const retellAfterUs = 10e6;

/** What Attachment needs. */
export interface AttachmentOptions {
  readonly identity: Identity;
  readonly clock: AgentClock;
  readonly handlers: Handlers;
  readonly outcomes: OutcomeStore;
  readonly telemetry: Telemetry;
  readonly outbox: Outbox;
  readonly heartbeat: Heartbeat;
}

/**
 * The session as it outlives connections: asked for by each hello, taken up at each welcome.
 *
 * Who writes `await connect()` and then registers handlers has none to declare in the first hello. It
 * says that they follow, and the turn after the welcome declares them: until then the node refuses nothing.
 */
export class Attachment {
  readonly #options: AttachmentOptions;
  #session: Resume | undefined;
  #welcomes = 0;
  #retellAtUs = Number.NEGATIVE_INFINITY;
  /** Whether the node has been told which actions there are. */
  #declaration: "due" | "following" | "made" = "due";

  constructor(options: AttachmentOptions) {
    this.#options = options;
  }

  /** How often a session was taken up. */
  get welcomes(): number {
    return this.#welcomes;
  }

  /** The session is over: the next hello asks for a new one. */
  forget(): void {
    this.#session = undefined;
  }

  /** Greets the node over a new connection, with what became of instructions. */
  greet(channel: Channel): void {
    const { clock, handlers, heartbeat, outcomes, outbox, telemetry } = this.#options;
    // What was reported before the clock was set back leaves first, on its own time line: on the new one it
    // would lie ahead of all that comes after it. The next beat takes the step.
    if (!clock.isSetBack || telemetry.sizeBytes === 0) heartbeat.checkClock();
    const isFirst = this.#declaration !== "made" && handlers.isEmpty;
    this.#declaration = isFirst ? "following" : "made";
    this.#writeHello(outcomesForHello(outcomes.unsettled()).told);
    channel.send(outbox.control.take());
  }

  /** True while a hello that declares the actions is on its way anyhow. */
  get isDeclarationFollowing(): boolean {
    return this.#declaration === "following";
  }

  /** Tells the node of the live session which actions there are now. */
  declare(): void {
    this.#declaration = "made";
    this.#writeHello([]);
    this.#options.outbox.requestFlush();
  }

  /**
   * Where instructions were refused for want of room, tells the node of the live session the oldest outcomes
   * that it has not settled: one whose disk took nothing for a while takes them now.
   */
  retell(): void {
    const { clock, outcomes, outbox } = this.#options;
    const nowUs = clock.monotonicUs();
    if (nowUs < this.#retellAtUs || this.isDeclarationFollowing || !outcomes.takeRefusal()) return;
    this.#retellAtUs = nowUs + retellAfterUs;
    const { told } = outcomesForHello(outcomes.oldestUnsettled(mostRetold));
    if (told.length === 0) return;
    this.#writeHello(told);
    outbox.requestFlush();
  }

  /** Notes what a welcome grants; true when it goes on with the session asked for. */
  accept(welcome: Welcome): boolean {
    const { sessionId, resumeToken } = welcome;
    const isResumed = welcome.isResumed && this.#session?.sessionId === sessionId;
    this.#session = { sessionId, resumeToken };
    this.#options.heartbeat.onWelcome(welcome);
    return isResumed;
  }

  /** Takes the session up over a new connection: what the node has not got is sent. */
  takeUp(channel: Channel, welcome: Welcome, isResumed: boolean): void {
    const { telemetry, outbox, outcomes, heartbeat } = this.#options;
    if (isResumed) telemetry.resume(welcome.telemetrySequence);
    else telemetry.restart(welcome.limits?.maxMetrics ?? 0);
    this.#welcomes++;
    outbox.attach(
      channel,
      isResumed ? welcome.metricNamesKnown : 0,
      !isResumed,
      welcome.columnForms,
    );
    for (const outcome of outcomesForHello(outcomes.unsettled()).rest) {
      outbox.control.acknowledgement(outcome);
      if (outbox.control.sizeBytes > outcomeFrameBytes) channel.send(outbox.control.take());
    }
    heartbeat.start(welcome.heartbeatIntervalMs);
  }

  #writeHello(outcomes: readonly Acknowledgement[]): void {
    const { clock, handlers, heartbeat, identity, outbox } = this.#options;
    outbox.control.hello(
      helloOf(identity, {
        actions: handlers.actions(),
        actionsFollow: this.#declaration === "following",
        outcomes,
        resume: this.#session,
        sentAtUs: heartbeat.stampHello(),
        timeLine: clock.timeLine,
      }),
    );
  }
}
