/*
 * What leaves towards the node: one frame for all that a turn of the loop brought.
 *
 * Invariants:
 * 1. A frame begins with control, then come the names and the telemetry of one batch.
 * 2. Control is never held. Telemetry leaves only while the session is live, the channel's backlog is
 *    below the high-water mark and the node has not paused it; else it stays in the bounded buffer.
 * 3. In each session a metric name is declared before, or in, the first frame whose samples use it.
 * 4. What is kept is kept as it was given; it is packed, if the node reads that, as it leaves. So it is
 *    good for any session, and each session's first packed samples are full.
 * 5. A frame is flushed after the promise jobs that its turn had queued before, so that a handler that
 *    does not wait is acknowledged as received and executed in one frame.
 */
import type { Channel } from "@myelin/core/channel";
import type { Timer } from "@myelin/core/clock";
import { type ColumnForm, FramePacker, FrameWriter } from "@myelin/core/wire";
import type { QueuedBatch, Telemetry } from "../telemetry/index.ts";
import type { AgentClock } from "../time/index.ts";

/** How often a channel with a backlog is looked at, beside what it tells by itself. */
const backlogPollUs = 10_000;
/** Most names in one frame, so that it stays well below any bound on frames. */
const namesPerFrame = 512;

/** What Outbox needs. */
export interface OutboxOptions {
  readonly clock: AgentClock;
  readonly telemetry: Telemetry;
  /** Backlog of the channel above which telemetry is held. */
  readonly highWaterBytes: number;
  /** Called when much waits for the node's confirmation: it is to be asked for one. */
  readonly onPressure: () => void;
}

/** Batches what is to be sent, and sends it while a session is live. */
export class Outbox {
  /** Operations of this turn that are no telemetry; dropped while no session is live. */
  readonly control: FrameWriter = new FrameWriter();

  readonly #options: OutboxOptions;
  readonly #flush = (): void => this.flush();
  #channel: Channel | undefined;
  /** Packs what the session's node reads packed. */
  #packer: FramePacker | undefined;
  #namesDeclared = 0;
  #backlogPoll: Timer | undefined;
  #isPausedByNode = false;
  #isFlushRequested = false;
  #isInTurn = false;
  #isConfirmationAsked = false;
  /** Losses told in this session, and those that earlier sessions were told of. */
  #toldSamples = 0;
  #toldEvents = 0;
  #earlierSamples = 0;
  #earlierEvents = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** The session is live over `channel`; the node knows `namesKnown` of its names, and reads `forms`. */
  attach(
    channel: Channel,
    namesKnown: number,
    isNewSession: boolean,
    forms: readonly ColumnForm[],
  ): void {
    this.#channel = channel;
    this.#packer = forms.length === 0 ? undefined : new FramePacker(forms);
    this.#namesDeclared = namesKnown;
    this.#isPausedByNode = false;
    this.#isConfirmationAsked = false;
    this.#setFlowing();
    if (isNewSession) {
      this.#earlierSamples = this.#toldSamples;
      this.#earlierEvents = this.#toldEvents;
    }
    this.reportLosses();
    this.requestFlush();
  }

  /** The channel is gone. */
  detach(): void {
    this.#channel = undefined;
    this.#backlogPoll?.cancel();
    this.#backlogPoll = undefined;
    this.control.take();
    this.#setFlowing();
  }

  /** Sends what this turn brings, once, at its end. */
  requestFlush(): void {
    if (this.#isFlushRequested) return;
    this.#isFlushRequested = true;
    if (!this.#isInTurn) queueMicrotask(this.#flush);
  }

  /** A frame's operations are about to be performed: what they bring leaves after them. */
  beginTurn(): void {
    this.#isInTurn = true;
  }

  /** The frame's operations have been performed. */
  endTurn(): void {
    this.#isInTurn = false;
    if (this.#isFlushRequested) queueMicrotask(this.#flush);
  }

  /** Sends at once. */
  flush(): void {
    this.#isFlushRequested = false;
    if (this.#channel === undefined) return;
    const { telemetry } = this.#options;
    if (telemetry.isFlowing) {
      this.#tellWholeTwin();
      telemetry.seal();
      this.pump();
    }
    if (!this.control.isEmpty) this.#channel?.send(this.control.take());
  }

  /** Sends the batches that are waiting, as far as telemetry may flow. */
  pump(): void {
    const { telemetry } = this.#options;
    const { buffer } = telemetry;
    while (telemetry.isFlowing) {
      this.#tellWholeTwin();
      const queued = buffer.next();
      if (queued === undefined) break;
      this.#send(queued);
    }
    if (this.#isConfirmationAsked || !buffer.isUnderPressure) return;
    this.#isConfirmationAsked = true;
    this.#options.onPressure();
  }

  /** The channel's backlog is gone. */
  drained(): void {
    this.#backlogPoll?.cancel();
    this.#backlogPoll = undefined;
    this.#setFlowing();
    this.requestFlush();
  }

  /** The node confirmed telemetry. */
  confirmed(sequence: number): void {
    this.#isConfirmationAsked = false;
    this.#options.telemetry.buffer.confirm(sequence);
  }

  /** The node lets telemetry flow, or not. */
  setPausedByNode(isPaused: boolean): void {
    this.#isPausedByNode = isPaused;
    this.#setFlowing();
    if (!isPaused) this.requestFlush();
  }

  /** The node lacks samples that those packed next would count from. */
  packAnew(): void {
    this.#packer?.reset();
  }

  /** Tells the node what was lost for want of room, if that has changed. */
  reportLosses(): void {
    const { droppedSamples, droppedEvents } = this.#options.telemetry;
    if (droppedSamples === this.#toldSamples && droppedEvents === this.#toldEvents) return;
    this.#toldSamples = droppedSamples;
    this.#toldEvents = droppedEvents;
    this.control.flowControl({
      droppedSamples: droppedSamples - this.#earlierSamples,
      droppedEvents: droppedEvents - this.#earlierEvents,
      shedFrames: 0,
      isTelemetryPaused: false,
      needsFullSamples: false,
    });
  }

  #setFlowing(): void {
    this.#options.telemetry.isFlowing =
      this.#channel !== undefined && !this.#isPausedByNode && this.#backlogPoll === undefined;
  }

  #send({ batch, sequence, isRepetition }: QueuedBatch): void {
    // Telemetry flows only while there is a channel.
    const channel = this.#channel as Channel;
    const { control } = this;
    if (batch.maxMetricId > this.#namesDeclared) this.#declareNames(channel);
    if (batch.isWorthPacking && this.#packer !== undefined) {
      this.#packer.pack(batch.bytes, this.#options.telemetry.names.tolerances, control);
      control.header(this.#options.clock.nowUs(), sequence);
      channel.send(control.take());
      this.#holdIfFull(channel);
      return;
    }
    const isComplete = batch.headerSequence === sequence && !isRepetition;
    if (!isComplete) {
      // The last header of a frame counts, so this one overrides what the batch may have behind it.
      const before = control.take();
      control.header(this.#options.clock.nowUs(), sequence);
      channel.send(joined(before, batch.bytes, control.take()));
    } else if (control.isEmpty) {
      channel.send(batch.bytes);
    } else {
      channel.send(joined(control.take(), batch.bytes));
    }
    this.#holdIfFull(channel);
  }

  #holdIfFull(channel: Channel): void {
    if (channel.bufferedBytes > this.#options.highWaterBytes) this.#hold();
  }

  #tellWholeTwin(): void {
    const whole = this.#options.telemetry.takeWholeTwin();
    if (whole !== undefined) this.control.twinDelta(whole);
  }

  #declareNames(channel: Channel): void {
    const names = this.#options.telemetry.names.after(this.#namesDeclared);
    this.#namesDeclared += names.length;
    for (let from = 0; from < names.length; from += namesPerFrame) {
      if (from > 0) channel.send(this.control.take());
      this.control.samples({
        names: names.slice(from, from + namesPerFrame),
        baseTimeUs: 0,
        metrics: [],
        values: noValues,
        offsetsUs: undefined,
        count: 0,
      });
    }
  }

  #hold(): void {
    this.#backlogPoll?.cancel();
    this.#backlogPoll = this.#options.clock.schedule(backlogPollUs, () => {
      const channel = this.#channel;
      if (channel === undefined) return;
      if (channel.bufferedBytes * 2 > this.#options.highWaterBytes) this.#hold();
      else this.drained();
    });
    this.#setFlowing();
  }
}

const noValues = new Float64Array(0);

/** Frames one after the other are one frame: protobuf merges them. */
function joined(...frames: readonly Uint8Array[]): Uint8Array {
  let sizeBytes = 0;
  for (const frame of frames) sizeBytes += frame.length;
  const bytes = new Uint8Array(sizeBytes);
  let at = 0;
  for (const frame of frames) {
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes;
}
