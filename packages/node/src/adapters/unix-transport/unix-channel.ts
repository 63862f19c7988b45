import type { Socket } from "node:net";
import {
  type Channel,
  type ChannelEnd,
  type ChannelHandler,
  FrameParser,
  prefixBytes,
  writePrefix,
} from "@myelin/core/channel";
import type { EncodingName } from "@myelin/core/wire";
import type { BytePool } from "../../bytes/index.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { SocketReader } from "../socket-reader/index.ts";

/** Up to this size a frame is copied behind its prefix and leaves in one write, which is cheaper than two. */
const copiedUpToBytes = 16_384;
/** How long a closing channel waits for what was sent to leave and for the peer to follow. */
const closeWithinUs = 1e6;

/**
 * `open` frames flow. `closing` this side or the peer has begun to end it: frames are dropped, what
 * was sent still leaves, a timer bounds it. `ended` the handler has been told.
 */
type State = "open" | "closing" | "ended";

export interface UnixChannelOptions {
  readonly clock: Clock;
  readonly maxFrameBytes: number;
  readonly encoding: EncodingName;
  readonly pool: BytePool;
  readonly reader: SocketReader;
}

/** Frames over one stream socket. */
export class UnixChannel implements Channel {
  readonly encoding: EncodingName;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #parser: FrameParser;
  #handler: ChannelHandler | undefined;
  #state: State = "open";
  #end: ChannelEnd = { reason: "closed by this side" };
  #closeTimer: Timer | undefined;

  constructor(
    socket: Socket,
    { clock, maxFrameBytes, encoding, pool, reader }: UnixChannelOptions,
  ) {
    this.encoding = encoding;
    this.#socket = socket;
    this.#clock = clock;
    const onFrame = (frame: Uint8Array): void => {
      if (this.#state === "open") this.#handler?.onFrame(frame);
    };
    this.#parser = new FrameParser(maxFrameBytes, onFrame, pool);
    reader.read(socket, {
      onChunk: (bytes, length) => this.#onData(bytes.subarray(0, length), maxFrameBytes),
    });
    socket.on("drain", () => {
      if (this.#state === "open") this.#handler?.onDrain?.();
    });
    socket.on("end", () => this.#onPeerEnd());
    socket.on("error", (error) => {
      this.#begin({ code: "UNAVAILABLE", reason: `the connection broke: ${error.message}` });
    });
    socket.on("close", () => this.#onClose());
  }

  /** Says who listens; to be called in the turn in which the channel was made. */
  attach(handler: ChannelHandler): void {
    this.#handler = handler;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  send(frame: Uint8Array): void {
    const socket = this.#socket;
    if (this.#state !== "open" || !socket.writable) return;
    const sizeBytes = frame.length;
    const isCopied = sizeBytes <= copiedUpToBytes;
    const prefixed = Buffer.allocUnsafe(isCopied ? prefixBytes + sizeBytes : prefixBytes);
    writePrefix(prefixed, sizeBytes);
    if (isCopied) {
      prefixed.set(frame, prefixBytes);
      socket.write(prefixed);
    } else {
      socket.cork();
      socket.write(prefixed);
      socket.write(frame);
      socket.uncork();
    }
  }

  pause(): void {
    if (this.#state === "open") this.#socket.pause();
  }

  resume(): void {
    if (this.#state === "open") this.#socket.resume();
  }

  close(): void {
    this.#begin({ reason: "closed by this side" });
  }

  destroy(): void {
    if (this.#state === "ended") return;
    if (this.#state === "open") this.#end = { reason: "destroyed by this side" };
    this.#state = "closing";
    this.#socket.destroy();
  }

  #onData(chunk: Uint8Array, maxFrameBytes: number): void {
    if (this.#state !== "open") return;
    const tooLargeBytes = this.#parser.push(chunk);
    if (tooLargeBytes === undefined) return;
    this.#begin({
      code: "PAYLOAD_TOO_LARGE",
      reason: `the peer announced a frame of ${tooLargeBytes} bytes; the limit is ${maxFrameBytes}`,
    });
  }

  #onPeerEnd(): void {
    if (this.#parser.isBetweenFrames) this.#begin({ reason: "closed by the peer" });
    else this.#begin({ code: "UNAVAILABLE", reason: "the peer was gone in the middle of a frame" });
  }

  /** Begins to end: what was sent still leaves, what comes is read and dropped so that the peer is not cut short. */
  #begin(end: ChannelEnd): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#end = end;
    this.#parser.stop();
    this.#socket.resume();
    this.#socket.end();
    this.#closeTimer = this.#clock.schedule(closeWithinUs, () => this.#socket.destroy());
  }

  #onClose(): void {
    this.#closeTimer?.cancel();
    if (this.#state === "open") this.#end = { reason: "closed by the peer" };
    this.#state = "ended";
    this.#handler?.onEnd(this.#end);
  }
}
