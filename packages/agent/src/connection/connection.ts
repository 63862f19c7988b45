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
import { type Channel, type ChannelEnd, type Dial, encodedChannel } from "@myelin/core/channel";
import { type ErrorCode, isErrorCode, MyelinError } from "@myelin/core/errors";
import type { Random } from "@myelin/core/random";
import { encodingNamed, type EncodingName, type Goodbye, type Welcome } from "@myelin/core/wire";
import type { Instructions } from "../instructions/index.ts";
import type { NodeTime } from "../time/index.ts";
import { Attachment, type AttachmentOptions } from "./attachment.ts";
import { type BackoffOptions, backoffUs } from "./backoff.ts";
import { Heartbeat } from "./heartbeat.ts";
import { NodeReader } from "./node-reader.ts";
import { type ConnectionState, statusOf } from "./state.ts";
import { StatusBoard } from "./status-board.ts";

/** Largest frame taken from a node. */
const maxFrameBytes = 4 * 1024 * 1024;
/** How long a channel may take to end once it is closed. */
const closeWithinUs = 1.5e6;

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
export interface ConnectionOptions extends Omit<AttachmentOptions, "heartbeat"> {
  readonly url: string;
  readonly dial: Dial;
  /** How frames are to be written. */
  readonly encoding: EncodingName;
  readonly random: Random;
  readonly backoff: BackoffOptions;
  /** How long dialing and greeting may take together. */
  readonly connectTimeoutUs: number;
  readonly nodeTime: NodeTime;
  readonly instructions: Instructions;
  /** The node has confirmed telemetry. */
  readonly onConfirmed: () => void;
}

/** Keeps a part of an agent attached to its node. */
export class Connection {
  readonly status: StatusBoard = new StatusBoard();
  readonly #options: ConnectionOptions;
  readonly #heartbeat: Heartbeat;
  readonly #attachment: Attachment;
  readonly #reader: NodeReader;
  #state: ConnectionState = { kind: "idle" };
  /** Failed tries since the connection last lasted for a heartbeat interval. */
  #failures = 0;
  /** Where the node sent this agent; "" for the address it was given. */
  #redirectUrl = "";
  /** Where the session is that the next hello asks to go on with. */
  #sessionUrl = "";
  #isHelloDue = false;
  /** The channel that `close` has closed, and who waits for its end. */
  #last: { readonly channel: Channel; readonly onEnd: () => void } | undefined;
  /** The channel whose frame is being read. */
  #reading: Channel | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { clock, nodeTime, outbox, instructions, outcomes } = options;
    this.#heartbeat = new Heartbeat({
      clock,
      nodeTime,
      control: outbox.control,
      onBeat: () => this.#beat(),
      onSetBack: () => options.telemetry.setBack(),
      onSilence: () => this.#break(new MyelinError("HEARTBEAT_LOST", "the node has fallen silent")),
    });
    this.#attachment = new Attachment({ ...options, heartbeat: this.#heartbeat });
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
    return Math.max(0, this.#attachment.welcomes - 1);
  }

  /** Begins to connect, if it has not begun. */
  open(): void {
    if (this.#state.kind === "idle") this.#dial();
  }

  /** The actions have changed: the node is told by a hello of the live session. */
  announce(): void {
    if (!this.isLive || this.#attachment.isDeclarationFollowing || this.#isHelloDue) return;
    this.#isHelloDue = true;
    queueMicrotask(() => {
      this.#isHelloDue = false;
      if (this.isLive) this.#attachment.declare();
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
    const { outbox } = this.#options;
    if (state.kind === "live") {
      const message = "the agent leaves";
      outbox.control.goodbye({ code: "", message, canResume: false, isFinal: false });
      outbox.flush();
    }
    this.#leave();
    this.#setState({ kind: "closed" });
    if (state.kind !== "live" && state.kind !== "connecting") return Promise.resolve();
    return this.#end(state.channel);
  }

  #end(channel: Channel): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.schedule(closeWithinUs, () => {
        channel.destroy();
        resolve();
      });
      const onEnd = (): void => {
        timer.cancel();
        resolve();
      };
      this.#last = { channel, onEnd };
      channel.close();
    });
  }

  #dial(): void {
    const { dial, clock, connectTimeoutUs, encoding } = this.#options;
    const url = this.#redirectUrl === "" ? this.#options.url : this.#redirectUrl;
    const isCurrent = (): boolean =>
      (this.#state.kind === "connecting" || this.#state.kind === "live") &&
      this.#state.channel === channel;
    const dialed = dial(
      url,
      {
        onOpen: () => {
          if (isCurrent()) this.#attachment.greet(channel);
        },
        onFrame: (frame) => {
          if (isCurrent()) this.#onFrame(frame, channel);
        },
        onDrain: () => {
          if (isCurrent() && this.isLive) this.#options.outbox.drained();
        },
        onEnd: (end) => {
          if (isCurrent()) this.#break(errorOfEnd(end, url));
          else if (this.#last?.channel === channel) this.#last.onEnd();
        },
      },
      { maxFrameBytes, encoding },
    );
    const channel = encodedChannel(dialed);
    const timer = clock.schedule(connectTimeoutUs, () => {
      const within = `${connectTimeoutUs / 1e3} ms`;
      this.#break(new MyelinError("UNAVAILABLE", `no welcome from ${url} within ${within}`));
    });
    this.#setState({ kind: "connecting", url, attempt: this.#failures + 1, channel, timer });
  }

  #onFrame(frame: Uint8Array, channel: Channel): void {
    const { outbox, clock } = this.#options;
    this.#heartbeat.heard();
    this.#reading = channel;
    outbox.beginTurn();
    try {
      encodingNamed(channel.encoding).read(frame, this.#reader, clock.nowUs());
    } catch (thrown) {
      this.#object(channel, MyelinError.from(thrown));
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
    const isResumed = this.#attachment.accept(welcome);
    if (state.kind === "live" && isResumed) {
      this.#onConfirmed(welcome.telemetrySequence);
      return;
    }
    if (state.kind === "connecting") state.timer.cancel();
    this.#attachment.takeUp(state.channel, welcome, isResumed);
    this.#sessionUrl = state.url;
    this.#setState({ kind: "live", url: state.url, channel: state.channel, welcome });
    if (this.#attachment.isDeclarationFollowing) this.#options.clock.defer(() => this.#declare());
  }

  /** Who waited for the welcome has had a turn to register handlers. */
  #declare(): void {
    if (this.isLive && this.#attachment.isDeclarationFollowing) this.#attachment.declare();
  }

  /**
   * Goes where the node says, once: who is sent on from there begins again at its own address. Who had come home for a
   * while and is sent back to its session goes on with it; nobody else is shown its secret.
   */
  #onRedirect(url: string, channel: Channel): void {
    if (this.#redirectUrl !== "") {
      this.#break(
        new MyelinError("UNAVAILABLE", `${this.#redirectUrl} sends this agent on to ${url}`),
      );
      return;
    }
    this.#leave();
    this.#redirectUrl = url;
    if (url !== this.#sessionUrl) this.#attachment.forget();
    this.#dial();
    channel.close();
  }

  #onGoodbye(goodbye: Goodbye): void {
    const state = this.#state;
    // Behind a welcome that sent this agent on.
    if (state.kind === "connecting" && state.channel !== this.#reading) return;
    if (!goodbye.canResume) this.#attachment.forget();
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
    this.#attachment.retell();
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

  /** A frame cannot be read: the node is told why before the connection ends. */
  #object(channel: Channel, cause: MyelinError): void {
    const { control } = this.#options.outbox;
    const { code, message } = cause;
    control.goodbye({ code, message, canResume: true, isFinal: false });
    channel.send(control.take());
    this.#break(cause);
  }

  #break(cause: MyelinError, isFinal = false): void {
    const { clock, backoff, random } = this.#options;
    const state = this.#state;
    if (state.kind !== "connecting" && state.kind !== "live") return;
    this.#leave();
    if (state.kind === "connecting") this.#redirectUrl = "";
    if (isFinal || finalCodes.has(cause.code)) {
      this.#setState({ kind: "closed", cause });
    } else {
      const attempt = ++this.#failures;
      const delayUs = backoffUs(attempt, backoff, random);
      const timer = clock.schedule(delayUs, () => this.#dial());
      const retryAtUs = clock.nowUs() + delayUs;
      this.#setState({ kind: "waiting", attempt, timer, retryAtUs, cause });
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

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.status.set(statusOf(state));
  }
}

function errorOfEnd(end: ChannelEnd, url: string): MyelinError {
  return new MyelinError(end.code ?? "UNAVAILABLE", `${url}: ${end.reason}`);
}
