import type { Socket } from "node:net";
import type { Channel, ChannelEnd, ChannelHandler } from "@myelin/core/channel";
import type { ErrorCode } from "@myelin/core/errors";
import type { Encoding, EncodingName } from "@myelin/core/wire";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { ChunkReceiver, SocketReader } from "../socket-reader/index.ts";
import {
  closeFrame,
  headerBytes,
  type MessageReader,
  opcodes,
  pongFrame,
  Receiver,
  type ReceiverOptions,
  WebSocketFault,
  writeHeader,
} from "../websocket/index.ts";

/** Up to this size a frame is copied behind its header and leaves in one write, which is cheaper than two. */
const copiedUpToBytes = 16_384;
/** How long a closing may take: for the peer to answer it, and for what was sent to leave. */
const closeWithinUs = 1e6;

/**
 * `open` frames flow. `closing` one side has begun to end it: frames are dropped, what was sent
 * still leaves. `ended` the handler has been told.
 */
type State = "open" | "closing" | "ended";

/** What the channels of a server have in common. */
export interface WebSocketGround {
  readonly clock: Clock;
  readonly reader: SocketReader;
  /** Told that a socket has closed. */
  readonly onGone: (socket: Socket) => void;
  /** How they receive. */
  readonly receiving: ReceiverOptions;
}

/** Where a socket has its channel: so all sockets share their listeners, and none has closures of its own. */
const channelKey = Symbol("channel");

/** A socket that a channel reads and writes. */
interface ChannelSocket extends Socket {
  [channelKey]: WebSocketChannel;
}

/** Frames over one accepted WebSocket. What is called `on…` is for its socket and its receiver. */
export class WebSocketChannel implements Channel, ChunkReceiver, MessageReader {
  readonly encoding: EncodingName;
  readonly #socket: ChannelSocket;
  readonly #ground: WebSocketGround;
  readonly #isText: boolean;
  readonly #receiver: Receiver;
  #handler: ChannelHandler | undefined;
  #state: State = "open";
  #end: ChannelEnd | undefined;
  #timer: Timer | undefined;
  /** The latest ping while the peer does not read; the ones before need no answer (RFC 6455, section 5.5.3). */
  #unanswered: Uint8Array | undefined;

  constructor(
    socket: Socket,
    encoding: Pick<Encoding, "name" | "isText">,
    ground: WebSocketGround,
  ) {
    this.encoding = encoding.name;
    this.#socket = Object.assign(socket, { [channelKey]: this });
    this.#ground = ground;
    this.#isText = encoding.isText;
    this.#receiver = new Receiver(ground.receiving, this);
    ground.reader.read(socket, this);
    socket.on("drain", onDrain);
    socket.on("error", onError);
    socket.on("end", onEnd);
    socket.on("close", onGone);
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
    const head = headerBytes(sizeBytes);
    const message = Buffer.allocUnsafe(isCopied ? head + sizeBytes : head);
    writeHeader(message, this.#isText ? opcodes.text : opcodes.binary, sizeBytes);
    if (isCopied) {
      message.set(frame, head);
      socket.write(message);
    } else {
      socket.cork();
      socket.write(message);
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
    if (this.#state === "open") this.#begin({ reason: "closed by this side" }, 1000, "");
  }

  destroy(): void {
    if (this.#state === "ended") return;
    this.#state = "closing";
    this.#end ??= { reason: "destroyed by this side" };
    this.#receiver.stop();
    this.#socket.destroy();
  }

  onChunk(bytes: Uint8Array, length: number): void {
    try {
      this.#receiver.receive(bytes, length);
    } catch (thrown) {
      if (!(thrown instanceof WebSocketFault)) throw thrown;
      this.#fault(thrown);
    }
  }

  onMessage(payload: Uint8Array, isText: boolean): void {
    if (this.#state !== "open") return;
    if (isText === this.#isText) this.#handler?.onFrame(payload);
    else this.#refuseKind();
  }

  onPing(payload: Uint8Array): void {
    if (this.#state !== "open") return;
    if (this.#socket.writableNeedDrain) this.#unanswered = new Uint8Array(payload);
    else this.#socket.write(pongFrame(payload));
  }

  /** The peer ends it, or answers that this side does. */
  onClose(code: number | undefined, reason: string): void {
    if (this.#state === "open") {
      this.#state = "closing";
      this.#socket.write(closeFrame(code, ""));
    }
    this.#end ??= endOf(code, reason);
    this.leave();
  }

  onDrain(): void {
    if (this.#state !== "open") return;
    const unanswered = this.#unanswered;
    this.#unanswered = undefined;
    if (unanswered !== undefined) this.#socket.write(pongFrame(unanswered));
    this.#handler?.onDrain?.();
  }

  onError(error: Error): void {
    this.#end ??= { code: "UNAVAILABLE", reason: `the connection broke: ${error.message}` };
  }

  #fault({ closeCode, message }: WebSocketFault): void {
    const code = closeCode === 1009 ? "PAYLOAD_TOO_LARGE" : "PROTOCOL_ERROR";
    if (this.#state === "open") this.#begin({ code, reason: message }, closeCode, message);
    // Where its frames begin is not known any more: no answer can be waited for.
    this.leave();
  }

  #refuseKind(): void {
    const [wanted, got] = this.#isText ? ["text", "binary"] : ["binary", "text"];
    const reason = `${got} messages are not spoken in ${this.encoding}, only ${wanted} ones`;
    this.#begin({ code: "PROTOCOL_ERROR", reason }, 1003, reason);
  }

  /** Begins to end, and waits for the peer's answer; a paused socket would never see it. */
  #begin(end: ChannelEnd, code: number, reason: string): void {
    this.#state = "closing";
    this.#end ??= end;
    this.#socket.resume();
    this.#socket.write(closeFrame(code, reason));
    this.#bound();
  }

  /** Nothing more is said: what was sent leaves, within the bound. What still comes is read and dropped. */
  leave(): void {
    if (this.#state === "open") this.#state = "closing";
    this.#receiver.stop();
    this.#socket.resume();
    this.#socket.end();
    this.#bound();
  }

  #bound(): void {
    this.#timer ??= this.#ground.clock.schedule(closeWithinUs, () => this.#socket.destroy());
  }

  onGone(): void {
    this.#timer?.cancel();
    this.#receiver.stop();
    this.#state = "ended";
    this.#ground.onGone(this.#socket);
    const reason = "the peer was gone without a closing handshake";
    this.#handler?.onEnd(this.#end ?? { code: "UNAVAILABLE", reason });
  }
}

function onDrain(this: ChannelSocket): void {
  this[channelKey].onDrain();
}

function onError(this: ChannelSocket, error: Error): void {
  this[channelKey].onError(error);
}

function onEnd(this: ChannelSocket): void {
  this[channelKey].leave();
}

function onGone(this: ChannelSocket): void {
  this[channelKey].onGone();
}

/** What the peer's close codes (RFC 6455, section 7.4) mean in our catalogue. */
const codesOfCloses: ReadonlyMap<number, ErrorCode> = new Map([
  [1002, "PROTOCOL_ERROR"],
  [1003, "PROTOCOL_ERROR"],
  [1007, "PROTOCOL_ERROR"],
  [1008, "PERMISSION_DENIED"],
  [1009, "PAYLOAD_TOO_LARGE"],
  [1011, "INTERNAL"],
  [1012, "UNAVAILABLE"],
  [1013, "UNAVAILABLE"],
]);

function endOf(closeCode: number | undefined, text: string): ChannelEnd {
  const code = closeCode === undefined ? undefined : codesOfCloses.get(closeCode);
  if (code === undefined) return { reason: text === "" ? "closed by the peer" : text };
  return { code, reason: text === "" ? `closed by the peer with ${closeCode}` : text };
}
