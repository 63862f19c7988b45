/*
 * The connection of one part of an agent to its node: dialing, greeting, living, breaking, again.
 *
 *     idle → connecting → live → waiting → connecting …      any → closed
 *
 * Invariants:
 * 1. There is at most one channel that counts; what an earlier one still says is not heard.
 * 2. It never gives up by itself: only `close`, a goodbye that is final, and refusals that no repetition
 *    can mend (`finalCodes`) end it.
 * 3. The session outlives its connections; whether it goes on is the node's to say, in its welcome.
 * 4. `#setState` alone changes the state, and tells the listeners last.
 */
import type { Channel, ChannelEnd, Dial } from "@myelin/core/channel";
import type { Timer } from "@myelin/core/clock";
import { type ErrorCode, isErrorCode, MyelinError } from "@myelin/core/errors";
import type { Random } from "@myelin/core/random";
import { type Goodbye, readFrame, type Resume, type Welcome } from "@myelin/core/wire";
import type { Handlers, Instructions, OutcomeStore } from "../instructions/index.ts";
import type { Telemetry } from "../telemetry/index.ts";
import type { AgentClock, NodeTime } from "../time/index.ts";
import { type BackoffOptions, backoffUs } from "./backoff.ts";
import { helloOf, type Identity, outcomesForHello } from "./greeting.ts";
import { Heartbeat } from "./heartbeat.ts";
import { NodeReader } from "./node-reader.ts";
import type { Outbox } from "./outbox.ts";
import type { AgentStatus } from "./status.ts";
import { StatusBoard } from "./status-board.ts";

/** Largest frame taken from a node. */
const maxFrameBytes = 4 * 1024 * 1024;
/** How long a channel may take to end once it is closed. */
const closeWithinUs = 1.5e6;
/** Outcomes told after the welcome leave in frames of about this size. */
const outcomeFrameBytes = 65_536;

/** Refusals that trying again cannot mend. */
const finalCodes: ReadonlySet<ErrorCode> = new Set([
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "UNSUPPORTED_VERSION",
  "TAKEN_OVER",
  "INVALID_ARGUMENT",
  "UNSUPPORTED_PLATFORM",
]);

/** What Connection needs. */
export interface ConnectionOptions {
  readonly url: string;
  readonly dial: Dial;
  readonly identity: Identity;
  readonly random: Random;
  readonly backoff: BackoffOptions;
  /** How long dialing and greeting may take together. */
  readonly connectTimeoutUs: number;
  readonly clock: AgentClock;
  readonly nodeTime: NodeTime;
  readonly telemetry: Telemetry;
  readonly outbox: Outbox;
  readonly handlers: Handlers;
  readonly instructions: Instructions;
  readonly outcomes: OutcomeStore;
  /** The node has confirmed telemetry. */
  readonly onConfirmed: () => void;
}

type State =
  | { readonly kind: "idle" }
  | {
      readonly kind: "connecting";
      readonly url: string;
      readonly channel: Channel;
      readonly timer: Timer;
    }
  | {
      readonly kind: "live";
      readonly url: string;
      readonly channel: Channel;
      readonly welcome: Welcome;
    }
  | {
      readonly kind: "waiting";
      readonly timer: Timer;
      readonly retryAtUs: number;
      readonly cause: MyelinError;
    }
  | { readonly kind: "closed"; readonly cause?: MyelinError };

/** Keeps a part of an agent attached to its node. */
export class Connection {
  readonly status: StatusBoard = new StatusBoard();
  readonly #options: ConnectionOptions;
  readonly #heartbeat: Heartbeat;
  readonly #reader: NodeReader;
  #state: State = { kind: "idle" };
  #session: Resume | undefined;
  /** Failed tries since the connection last lasted for a heartbeat interval. */
  #failures = 0;
  /** Where the node sent this agent; "" for the address it was given. */
  #redirectUrl = "";
  #isHelloDue = false;
  #welcomes = 0;
  /** Called when the channel that `close` closed has ended. */
  #onLastEnd: (() => void) | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { clock, nodeTime, outbox, instructions, outcomes } = options;
    this.#heartbeat = new Heartbeat({
      clock,
      nodeTime,
      control: outbox.control,
      onBeat: () => this.#beat(),
      onSilence: () => this.#break(new MyelinError("HEARTBEAT_LOST", "the node has fallen silent")),
    });
    this.#reader = new NodeReader({
      heartbeat: this.#heartbeat,
      outbox,
      instructions,
      outcomes,
      isLive: () => this.isLive,
      onWelcome: (welcome) => this.#onWelcome(welcome),
      onGoodbye: (goodbye) => this.#onGoodbye(goodbye),
      onConfirmed: (sequence) => this.#onConfirmed(sequence),
      checkClock: () => this.#checkClock(),
    });
  }

  get isLive(): boolean {
    return this.#state.kind === "live";
  }

  /** How often a connection that had been live was live again. */
  get reconnects(): number {
    return Math.max(0, this.#welcomes - 1);
  }

  /** Begins to connect, if it has not begun. */
  open(): void {
    if (this.#state.kind === "idle") this.#dial();
  }

  /** The actions have changed: the node is told by a hello of the live session. */
  announce(): void {
    if (!this.isLive || this.#isHelloDue) return;
    this.#isHelloDue = true;
    queueMicrotask(() => {
      this.#isHelloDue = false;
      if (!this.isLive) return;
      this.#writeHello([]);
      this.#options.outbox.requestFlush();
    });
  }

  /** Asks the node to confirm the telemetry that was sent. */
  askConfirmation(): void {
    if (!this.isLive) return;
    this.#heartbeat.ping();
    this.#options.outbox.requestFlush();
  }

  /** Leaves: says goodbye if it is live, and resolves when the channel has ended, within a bound. */
  close(): Promise<void> {
    const state = this.#state;
    if (state.kind === "closed") return Promise.resolve();
    const { outbox, clock } = this.#options;
    if (state.kind === "live") {
      outbox.control.goodbye({
        code: "",
        message: "the agent leaves",
        canResume: false,
        isFinal: false,
      });
      outbox.flush();
    }
    this.#leave();
    this.#setState({ kind: "closed" });
    if (state.kind !== "live" && state.kind !== "connecting") return Promise.resolve();
    return new Promise((resolve) => {
      const timer = clock.schedule(closeWithinUs, () => {
        state.channel.destroy();
        resolve();
      });
      this.#onLastEnd = () => {
        timer.cancel();
        resolve();
      };
      state.channel.close();
    });
  }

  #dial(): void {
    const { dial, clock, connectTimeoutUs } = this.#options;
    const url = this.#redirectUrl === "" ? this.#options.url : this.#redirectUrl;
    const isCurrent = (): boolean =>
      (this.#state.kind === "connecting" || this.#state.kind === "live") &&
      this.#state.channel === channel;
    const channel = dial(
      url,
      {
        onOpen: () => {
          if (isCurrent()) this.#greet(channel);
        },
        onFrame: (frame) => {
          if (isCurrent()) this.#onFrame(frame);
        },
        onDrain: () => {
          if (isCurrent() && this.isLive) this.#options.outbox.drained();
        },
        onEnd: (end) => {
          if (isCurrent()) this.#break(errorOfEnd(end, url));
          else if (this.#state.kind === "closed") this.#onLastEnd?.();
        },
      },
      { maxFrameBytes },
    );
    const timer = clock.schedule(connectTimeoutUs, () => {
      const within = `${connectTimeoutUs / 1e3} ms`;
      this.#break(new MyelinError("UNAVAILABLE", `no welcome from ${url} within ${within}`));
    });
    this.#setState({ kind: "connecting", url, channel, timer });
  }

  #greet(channel: Channel): void {
    this.#heartbeat.checkClock();
    this.#writeHello(outcomesForHello(this.#options.outcomes.unsettled()).told);
    channel.send(this.#options.outbox.control.take());
  }

  #writeHello(outcomes: Parameters<typeof helloOf>[1]["outcomes"]): void {
    const { clock, handlers, identity, outbox } = this.#options;
    outbox.control.hello(
      helloOf(identity, {
        actions: handlers.actions(),
        outcomes,
        resume: this.#session,
        sentAtUs: this.#heartbeat.stampHello(),
        timeLine: clock.timeLine,
      }),
    );
  }

  #onFrame(frame: Uint8Array): void {
    const { outbox } = this.#options;
    this.#heartbeat.heard();
    outbox.beginTurn();
    try {
      readFrame(frame, this.#reader);
    } catch (thrown) {
      this.#break(MyelinError.from(thrown));
    } finally {
      outbox.endTurn();
    }
  }

  #onWelcome(welcome: Welcome): void {
    const state = this.#state;
    if (state.kind !== "connecting" && state.kind !== "live") return;
    if (welcome.redirectUrl !== "") {
      this.#onRedirect(welcome.redirectUrl, state.channel);
      return;
    }
    this.#heartbeat.onWelcome(welcome);
    const isResumed = welcome.isResumed && this.#session?.sessionId === welcome.sessionId;
    this.#session = { sessionId: welcome.sessionId, resumeToken: welcome.resumeToken };
    if (state.kind === "live" && isResumed) {
      this.#onConfirmed(welcome.telemetrySequence);
      return;
    }
    if (state.kind === "connecting") state.timer.cancel();
    this.#takeUp(state.channel, welcome, isResumed);
    this.#setState({ kind: "live", url: state.url, channel: state.channel, welcome });
  }

  /** Takes up the session: what the node has not got is sent, and what it must keep to is kept. */
  #takeUp(channel: Channel, welcome: Welcome, isResumed: boolean): void {
    const { telemetry, outbox, outcomes } = this.#options;
    if (isResumed) telemetry.resume(welcome.telemetrySequence);
    else telemetry.restart(welcome.limits?.maxMetrics ?? 0);
    this.#welcomes++;
    outbox.attach(channel, isResumed ? welcome.metricNamesKnown : 0, !isResumed);
    for (const outcome of outcomesForHello(outcomes.unsettled()).rest) {
      outbox.control.acknowledgement(outcome);
      if (outbox.control.sizeBytes > outcomeFrameBytes) channel.send(outbox.control.take());
    }
    this.#heartbeat.start(welcome.heartbeatIntervalMs);
  }

  /** Goes where the node says, once: who is sent on from there begins again at its own address. */
  #onRedirect(url: string, channel: Channel): void {
    if (this.#redirectUrl !== "") {
      this.#break(
        new MyelinError("UNAVAILABLE", `${this.#redirectUrl} sends this agent on to ${url}`),
      );
      return;
    }
    this.#leave();
    this.#redirectUrl = url;
    this.#session = undefined;
    this.#dial();
    channel.close();
  }

  #onGoodbye(goodbye: Goodbye): void {
    if (!goodbye.canResume) this.#session = undefined;
    const code = isErrorCode(goodbye.code) ? goodbye.code : "UNAVAILABLE";
    this.#break(new MyelinError(code, goodbye.message || "the node said goodbye"), goodbye.isFinal);
  }

  #onConfirmed(sequence: number): void {
    this.#options.outbox.confirmed(sequence);
    this.#options.outbox.pump();
    this.#options.onConfirmed();
  }

  #beat(): void {
    const { outbox, instructions } = this.#options;
    this.#failures = 0;
    this.#checkClock();
    this.#heartbeat.ping();
    outbox.reportLosses();
    outbox.flush();
    instructions.sweep();
  }

  /** After a step what was reported before it leaves first, so that the new time line begins behind it. */
  #checkClock(): void {
    if (!this.#heartbeat.checkClock()) return;
    this.#options.outbox.flush();
    this.#heartbeat.ping();
    this.#options.outbox.requestFlush();
  }

  #break(cause: MyelinError, isFinal = false): void {
    const { clock, backoff, random, outbox } = this.#options;
    const state = this.#state;
    if (state.kind !== "connecting" && state.kind !== "live") return;
    const { code, message } = cause;
    if (code === "PROTOCOL_ERROR" || code === "INTERNAL") {
      outbox.control.goodbye({ code, message, canResume: true, isFinal: false });
      state.channel.send(outbox.control.take());
    }
    this.#leave();
    if (state.kind === "connecting") this.#redirectUrl = "";
    if (isFinal || finalCodes.has(code)) {
      this.#setState({ kind: "closed", cause });
    } else {
      const delayUs = backoffUs(++this.#failures, backoff, random);
      const timer = clock.schedule(delayUs, () => this.#dial());
      this.#setState({ kind: "waiting", timer, retryAtUs: clock.nowUs() + delayUs, cause });
    }
    state.channel.close();
  }

  /** Nothing counts any more of the present channel or wait. */
  #leave(): void {
    const state = this.#state;
    if (state.kind === "connecting" || state.kind === "waiting") state.timer.cancel();
    this.#heartbeat.stop();
    this.#options.outbox.detach();
  }

  #setState(state: State): void {
    this.#state = state;
    this.status.set(this.#statusOf(state));
  }

  #statusOf(state: State): AgentStatus {
    switch (state.kind) {
      case "idle":
        return { state: "idle" };
      case "connecting":
        return { state: "connecting", url: state.url, attempt: this.#failures + 1 };
      case "live": {
        const { sessionId, nodeId, nodeTier, isResumed } = state.welcome;
        return { state: "live", url: state.url, sessionId, nodeId, nodeTier, isResumed };
      }
      case "waiting": {
        const { retryAtUs, cause } = state;
        return { state: "waiting", attempt: this.#failures, retryAtUs, cause };
      }
      case "closed":
        return state.cause === undefined
          ? { state: "closed" }
          : { state: "closed", cause: state.cause };
    }
  }
}

function errorOfEnd(end: ChannelEnd, url: string): MyelinError {
  return new MyelinError(end.code ?? "UNAVAILABLE", `${url}: ${end.reason}`);
}
