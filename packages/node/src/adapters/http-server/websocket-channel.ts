import type { Socket } from "node:net";
import type { Channel, ChannelEnd, ChannelHandler } from "@myelin/core/channel";
import type { ErrorCode } from "@myelin/core/errors";
import type { Encoding, EncodingName } from "@myelin/core/wire";
import type { WebSocket } from "ws";
import type { Clock } from "../../ports/clock.ts";

/** Up to this size a frame is copied behind its header and leaves in one write, which is cheaper than two. */
const copiedUpToBytes = 16_384;
/** How long what was sent may take to leave after the peer has stopped sending. */
const leaveWithinUs = 1e6;

/**
 * `open` frames flow. `closing` this side has begun to end it: frames are dropped, what was sent
 * still leaves. `ended` the handler has been told.
 */
type State = "open" | "closing" | "ended";

/**
 * Frames over one accepted WebSocket.
 *
 * Receiving and the closing handshake are the library's. Sending is not: a server's message
 * is a header of 2 to 10 bytes and the payload, and writing it as one buffer saves a writev and the
 * library's options object: 2 to 6 µs of a round trip of 90 µs.
 */
export class WebSocketChannel implements Channel {
  readonly encoding: EncodingName;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  /** First byte of each message: it is whole, and of the encoding's kind. */
  readonly #head: number;
  #handler: ChannelHandler | undefined;
  #state: State = "open";
  #end: ChannelEnd | undefined;

  constructor(
    webSocket: WebSocket,
    socket: Socket,
    clock: Clock,
    { name, isText }: Pick<Encoding, "name" | "isText">,
  ) {
    this.encoding = name;
    this.#head = isText ? 0x81 : 0x82;
    this.#webSocket = webSocket;
    this.#socket = socket;
    webSocket.on("message", (data, isBinary) => {
      if (this.#state !== "open") return;
      // `data` is one Buffer: the library's binary type is left at "nodebuffer".
      if (isBinary !== isText) this.#handler?.onFrame(data as Buffer);
      else this.#refuseKind(isText);
    });
    socket.on("drain", () => {
      if (this.#state === "open") this.#handler?.onDrain?.();
    });
    socket.on("error", (error) => {
      this.#end ??= { code: "UNAVAILABLE", reason: `the connection broke: ${error.message}` };
    });
    socket.once("end", () => {
      // The library bounds its closing handshake, but not a peer that leaves without one.
      const timer = clock.schedule(leaveWithinUs, () => socket.destroy());
      socket.once("close", () => timer.cancel());
    });
    webSocket.on("error", (error: Error & { readonly code?: string }) => {
      const isTooLarge = error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
      this.#end ??= {
        code: isTooLarge ? "PAYLOAD_TOO_LARGE" : "PROTOCOL_ERROR",
        reason: error.message,
      };
      this.#state = "closing";
    });
    webSocket.on("close", (code, reason) => {
      this.#state = "ended";
      this.#handler?.onEnd(this.#end ?? endOf(code, reason.toString()));
    });
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
    if (this.#state !== "open" || this.#webSocket.readyState !== 1 || !socket.writable) return;
    const sizeBytes = frame.length;
    const headerBytes = sizeBytes < 126 ? 2 : sizeBytes < 65_536 ? 4 : 10;
    const isCopied = sizeBytes <= copiedUpToBytes;
    const message = Buffer.allocUnsafe(isCopied ? headerBytes + sizeBytes : headerBytes);
    message[0] = this.#head;
    writeLength(message, sizeBytes);
    if (isCopied) {
      message.set(frame, headerBytes);
      socket.write(message);
    } else {
      socket.cork();
      socket.write(message);
      socket.write(frame);
      socket.uncork();
    }
  }

  pause(): void {
    if (this.#state === "open") this.#webSocket.pause();
  }

  resume(): void {
    if (this.#state === "open") this.#webSocket.resume();
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#begin({ reason: "closed by this side" }, 1000, "");
  }

  destroy(): void {
    if (this.#state === "ended") return;
    this.#state = "closing";
    this.#end ??= { reason: "destroyed by this side" };
    this.#webSocket.terminate();
  }

  #refuseKind(isText: boolean): void {
    const [wanted, got] = isText ? ["text", "binary"] : ["binary", "text"];
    const reason = `${got} messages are not spoken in ${this.encoding}, only ${wanted} ones`;
    this.#begin({ code: "PROTOCOL_ERROR", reason }, 1003, reason);
  }

  /** Begins to end; the library bounds the handshake. A paused socket would never see the peer's answer. */
  #begin(end: ChannelEnd, code: number, reason: string): void {
    this.#state = "closing";
    this.#end ??= end;
    this.#webSocket.resume();
    this.#webSocket.close(code, reason);
  }
}

/** The header of an unmasked, unfragmented message behind its first byte (RFC 6455, section 5.2). */
function writeLength(message: Buffer, sizeBytes: number): void {
  if (sizeBytes < 126) {
    message[1] = sizeBytes;
  } else if (sizeBytes < 65_536) {
    message[1] = 126;
    message[2] = sizeBytes >>> 8;
    message[3] = sizeBytes;
  } else {
    message[1] = 127;
    message.writeUIntBE(0, 2, 4);
    message.writeUInt32BE(sizeBytes, 6);
  }
}

/** What the peer's close codes (RFC 6455, section 7.4) mean in our catalogue. */
const codesOfCloses: ReadonlyMap<number, ErrorCode> = new Map([
  [1002, "PROTOCOL_ERROR"],
  [1003, "PROTOCOL_ERROR"],
  [1006, "UNAVAILABLE"],
  [1007, "PROTOCOL_ERROR"],
  [1008, "PERMISSION_DENIED"],
  [1009, "PAYLOAD_TOO_LARGE"],
  [1011, "INTERNAL"],
  [1012, "UNAVAILABLE"],
  [1013, "UNAVAILABLE"],
]);

function endOf(closeCode: number, text: string): ChannelEnd {
  const code = codesOfCloses.get(closeCode);
  if (code === undefined) return { reason: text === "" ? "closed by the peer" : text };
  if (closeCode === 1006) return { code, reason: "the peer was gone without a closing handshake" };
  return { code, reason: text === "" ? `closed by the peer with ${closeCode}` : text };
}
