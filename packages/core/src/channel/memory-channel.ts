/*
 * A channel inside one process: for tests, and for agents embedded with their node.
 *
 * Invariants:
 * 1. Frames arrive whole and in the order of sending, in a later turn of the loop than they were sent.
 * 2. No callback is made from within a call to a channel; `onEnd` is made once on each side, and last.
 * 3. A turn delivers what was sent before it, so that two ends that answer each other do not starve the loop.
 */
import type { Clock, Timer } from "../clock/index.ts";
import type { EncodingName } from "../wire/index.ts";
import type { Channel, ChannelEnd, ChannelHandler } from "./channel.ts";

/** How a channel in memory behaves. */
export interface MemoryChannelOptions {
  readonly clock: Pick<Clock, "defer" | "schedule">;
  /** After `bufferedBytes` was above this, `onDrain` is told; 64 KiB by default. */
  readonly highWaterMarkBytes?: number;
  /** A longer frame ends the channel with PAYLOAD_TOO_LARGE; no bound by default. */
  readonly maxFrameBytes?: number;
  /** How the frames on it are written; protobuf by default. */
  readonly encoding?: EncodingName;
}

/** How long `close` waits for the peer to take what was sent. */
const closeWithinUs = 1e6;

/** Where one side of the channel is in its life. */
type State =
  /** Not accepted yet; what is sent waits. */
  | { readonly kind: "connecting" }
  | { readonly kind: "open" }
  /** This side closes: what it sent still leaves, what arrives is dropped. */
  | { readonly kind: "closing"; readonly timer: Timer }
  | { readonly kind: "ended" };

/**
 * Opens a channel between `handler` and whoever `accept` says, in a later turn of the loop.
 * @param accept takes the other side, which is open, and says who listens to it; undefined refuses
 * @returns the side of `handler`; it can be written to at once
 */
export function memoryChannel(
  options: MemoryChannelOptions,
  handler: ChannelHandler,
  accept: (channel: Channel) => ChannelHandler | undefined,
): Channel {
  const near = new MemoryEnd(options);
  const far = new MemoryEnd(options);
  near.connect(far, handler, accept);
  return near;
}

class MemoryEnd implements Channel {
  readonly encoding: EncodingName;
  readonly #options: MemoryChannelOptions;
  readonly #highWaterMarkBytes: number;
  readonly #maxFrameBytes: number;
  #state: State = { kind: "connecting" };
  #peer: MemoryEnd = this;
  #handler: ChannelHandler | undefined;
  #outbox: Uint8Array[] = [];
  #bufferedBytes = 0;
  #wasHigh = false;
  #isReading = true;
  #isTurnPlanned = false;

  constructor(options: MemoryChannelOptions) {
    this.encoding = options.encoding ?? "proto";
    this.#options = options;
    this.#highWaterMarkBytes = options.highWaterMarkBytes ?? 65_536;
    this.#maxFrameBytes = options.maxFrameBytes ?? Number.POSITIVE_INFINITY;
  }

  connect(
    far: MemoryEnd,
    handler: ChannelHandler,
    accept: (channel: Channel) => ChannelHandler | undefined,
  ): void {
    this.#handler = handler;
    this.#peer = far;
    far.#peer = this;
    this.#options.clock.defer(() => {
      if (this.#state.kind === "ended") return;
      far.#state = { kind: "open" };
      far.#handler = accept(far);
      if (far.#handler === undefined) {
        far.#state = { kind: "ended" };
        this.#end({ code: "UNAVAILABLE", reason: "nobody accepts" });
        return;
      }
      if (this.#state.kind === "connecting") {
        this.#state = { kind: "open" };
        handler.onOpen?.();
      }
      this.#planTurn();
      far.#planTurn();
    });
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  send(frame: Uint8Array): void {
    if (this.#state.kind !== "open" && this.#state.kind !== "connecting") return;
    this.#outbox.push(frame);
    this.#bufferedBytes += frame.length;
    if (this.#bufferedBytes > this.#highWaterMarkBytes) this.#wasHigh = true;
    this.#planTurn();
  }

  pause(): void {
    this.#isReading = false;
  }

  resume(): void {
    this.#isReading = true;
    this.#peer.#planTurn();
  }

  close(): void {
    if (this.#state.kind !== "open" && this.#state.kind !== "connecting") return;
    const timer = this.#options.clock.schedule(closeWithinUs, () => this.destroy());
    this.#state = { kind: "closing", timer };
    this.#planTurn();
  }

  destroy(): void {
    if (this.#state.kind === "ended") return;
    this.#end({ reason: "closed by this side" });
    this.#peer.#end({ reason: "closed by the peer" });
  }

  #planTurn(): void {
    if (this.#isTurnPlanned) return;
    this.#isTurnPlanned = true;
    this.#options.clock.defer(() => {
      this.#isTurnPlanned = false;
      this.#deliver();
    });
  }

  /** Hands what was sent before this turn to the peer, as far as it reads. */
  #deliver(): void {
    if (!this.#peerTakes()) return;
    const frames = this.#outbox;
    this.#outbox = [];
    let count = 0;
    try {
      while (this.#peerTakes()) {
        const frame = frames[count];
        if (frame === undefined) break;
        count++;
        this.#bufferedBytes -= frame.length;
        this.#peer.#receive(frame);
      }
    } finally {
      if (count < frames.length) this.#outbox = frames.slice(count).concat(this.#outbox);
      if (this.#outbox.length > 0) this.#planTurn();
    }
    if (this.#outbox.length > 0 || !this.#peerTakes()) return;
    if (this.#state.kind === "closing") {
      this.destroy();
    } else if (this.#wasHigh) {
      this.#wasHigh = false;
      this.#handler?.onDrain?.();
    }
  }

  /** True while what this side sent can go to the other. One that closes takes all, and drops it. */
  #peerTakes(): boolean {
    if (this.#state.kind !== "open" && this.#state.kind !== "closing") return false;
    const peer = this.#peer;
    return peer.#state.kind === "closing" || (peer.#state.kind === "open" && peer.#isReading);
  }

  #receive(frame: Uint8Array): void {
    if (this.#state.kind !== "open") return;
    if (frame.length > this.#maxFrameBytes) {
      const reason = `a frame of ${frame.length} bytes exceeds ${this.#maxFrameBytes}`;
      this.#end({ code: "PAYLOAD_TOO_LARGE", reason });
      this.#peer.#end({ code: "PAYLOAD_TOO_LARGE", reason });
      return;
    }
    this.#handler?.onFrame(frame);
  }

  #end(end: ChannelEnd): void {
    if (this.#state.kind === "ended") return;
    if (this.#state.kind === "closing") this.#state.timer.cancel();
    this.#state = { kind: "ended" };
    this.#outbox = [];
    this.#bufferedBytes = 0;
    this.#options.clock.defer(() => this.#handler?.onEnd(end));
  }
}
