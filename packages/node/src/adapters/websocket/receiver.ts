/*
 * Reads what a client sends over a WebSocket, chunk by chunk.
 *
 * A message that lies whole in a chunk is handed on where it lies; one in pieces is put together in a
 * buffer from a pool. So nothing that was read is kept, and the owner of the chunk may free it at once.
 *
 * Invariants
 * 1. What a message takes in memory is at most twice what came of it, whatever length it announces, and
 *    at most `maxMessageBytes`.
 * 2. Between messages it has no buffer of its own.
 * 3. After a fault, a close or `stop` nothing more is told, and nothing is held.
 */
import { isUtf8 } from "node:buffer";
import type { BytePool } from "../../bytes/index.ts";
import { WebSocketFault } from "./fault.ts";
import { opcodes } from "./sending.ts";
import { unmask } from "./unmask.ts";

/** What a receiver tells of; bytes are the reader's during the call only. */
export interface MessageReader {
  onMessage(payload: Uint8Array, isText: boolean): void;
  onPing(payload: Uint8Array): void;
  /** `code` is undefined when the peer gave none. */
  onClose(code: number | undefined, reason: string): void;
}

/** May be the same for many receivers. */
export interface ReceiverOptions {
  readonly maxMessageBytes: number;
  readonly pool: BytePool;
}

const maxControlBytes = 125;
const maskBytes = 4;
/** A message in pieces begins with a buffer of this, and doubles it as it comes. */
const leastAssembledBytes = 4096;
const protocolError = 1002;
/** First bytes of a message in one frame. */
const wholeText = 0x80 | opcodes.text;
const wholeBinary = 0x80 | opcodes.binary;
/** The second byte of a client's frame has this, and its length. */
const masked = 0x80;
/** Head of a frame with a length of two bytes: as much can be looked at before it is known to be one. */
const leastFrameBytes = 4 + maskBytes;
const mostHeaderBytes = 2 + 8 + maskBytes;

export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #reader: MessageReader;
  /** Of a frame that is not whole in its chunk, or not of the usual kind, while it is read. */
  #header: Uint8Array | undefined;
  #headerHas = 0;
  #headerNeeds = 2;
  /** Of the frame whose payload is being read. */
  #opcode = 0;
  #isFinal = false;
  #mask = 0;
  #payloadBytes = 0;
  #left = -1;
  /** Opcode of the message that is being put together; 0 for none. */
  #messageOpcode = 0;
  #message: Uint8Array | undefined;
  #messageBytes = 0;
  #control: Uint8Array | undefined;
  #isStopped = false;

  constructor(options: ReceiverOptions, reader: MessageReader) {
    this.#options = options;
    this.#reader = reader;
  }

  /** Reads the first `length` bytes of the chunk, which are changed. @throws WebSocketFault */
  receive(chunk: Uint8Array, length: number = chunk.length): void {
    let at = 0;
    while (!this.#isStopped) {
      if (this.#left < 0) {
        at = this.#readWhole(chunk, at, length);
        if (this.#isStopped) return;
        if (at === length && this.#headerHas === 0) return;
        const header = (this.#header ??= new Uint8Array(mostHeaderBytes));
        at = this.#readHeader(header, chunk, at, length);
        if (this.#headerHas < this.#headerNeeds) return;
        this.#begin(header);
        this.#header = undefined;
      }
      const end = Math.min(length, at + this.#left);
      if (end === at && this.#left > 0) return;
      this.#take(chunk, at, end);
      at = end;
    }
  }

  /**
   * Reads the messages that lie whole in the chunk, in one frame each, with a length of up to two bytes: nearly all
   * there are. Stops before anything else, which is read step by step.
   */
  #readWhole(chunk: Uint8Array, from: number, end: number): number {
    let at = from;
    while (this.#headerHas === 0 && this.#messageOpcode === 0 && end - at >= leastFrameBytes) {
      const first = chunk[at] as number;
      const second = chunk[at + 1] as number;
      if (
        (first !== wholeText && first !== wholeBinary) ||
        second < masked ||
        second === masked + 127
      )
        return at;
      const isShort = second < masked + 126;
      const head = isShort ? 2 + maskBytes : 4 + maskBytes;
      const sizeBytes = isShort
        ? second - masked
        : ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number);
      const payload = at + head;
      const next = payload + sizeBytes;
      if (next > end || sizeBytes > this.#options.maxMessageBytes) return at;
      const mask =
        (chunk[payload - 4] as number) |
        ((chunk[payload - 3] as number) << 8) |
        ((chunk[payload - 2] as number) << 16) |
        ((chunk[payload - 1] as number) << 24);
      unmask(chunk, payload, next, mask, 0);
      this.#messageOpcode = first & 15;
      this.#endMessage(chunk.subarray(payload, next));
      if (this.#isStopped) return next;
      at = next;
    }
    return at;
  }

  /** Nothing more is wanted. */
  stop(): void {
    this.#isStopped = true;
    if (this.#message !== undefined) this.#options.pool.give(this.#message);
    this.#message = undefined;
    this.#header = undefined;
  }

  /** Takes bytes of the header; there may not be enough of them yet. */
  #readHeader(header: Uint8Array, chunk: Uint8Array, from: number, end: number): number {
    let at = from;
    for (;;) {
      while (this.#headerHas < this.#headerNeeds && at < end)
        header[this.#headerHas++] = chunk[at++] as number;
      if (this.#headerHas !== 2 || this.#headerNeeds !== 2) return at;
      this.#headerNeeds = this.#sizeOfHeader(header[0] as number, header[1] as number);
    }
  }

  /** Bytes of a header by its first two. */
  #sizeOfHeader(first: number, second: number): number {
    const opcode = first & 15;
    const isFinal = (first & 0x80) !== 0;
    const length = second & 0x7f;
    if ((first & 0x70) !== 0) this.#fail(protocolError, "a reserved bit is set");
    if ((second & 0x80) === 0) this.#fail(protocolError, "a client's frames must be masked");
    if (opcode >= opcodes.close) {
      if (opcode > opcodes.pong) this.#fail(protocolError, `there is no opcode ${opcode}`);
      if (!isFinal) this.#fail(protocolError, "a control frame must be whole");
      if (length > maxControlBytes)
        this.#fail(protocolError, `a control frame has ${maxControlBytes} bytes at the most`);
    } else if (opcode > opcodes.binary) this.#fail(protocolError, `there is no opcode ${opcode}`);
    else if ((opcode === opcodes.continuation) !== (this.#messageOpcode !== 0)) {
      const what = opcode === opcodes.continuation ? "no message goes on" : "a message is not over";
      this.#fail(protocolError, what);
    }
    return 2 + (length < 126 ? 0 : length === 126 ? 2 : 8) + maskBytes;
  }

  /** The header is whole: a payload begins. */
  #begin(header: Uint8Array): void {
    const view = new DataView(header.buffer);
    const short = (header[1] as number) & 0x7f;
    const length =
      short < 126
        ? short
        : short === 126
          ? view.getUint16(2)
          : view.getUint32(2) * 2 ** 32 + view.getUint32(6);
    this.#opcode = (header[0] as number) & 15;
    this.#isFinal = ((header[0] as number) & 0x80) !== 0;
    this.#mask = view.getInt32(this.#headerNeeds - maskBytes, true);
    this.#payloadBytes = length;
    this.#left = length;
    this.#headerHas = 0;
    this.#headerNeeds = 2;
    if (this.#opcode >= opcodes.close) return;
    const { maxMessageBytes } = this.#options;
    if (this.#messageBytes + length > maxMessageBytes)
      this.#fail(1009, `a message has ${maxMessageBytes} bytes at the most`);
    if (this.#opcode !== opcodes.continuation) this.#messageOpcode = this.#opcode;
  }

  /** Takes bytes of the payload, all that is left of it or all there are. */
  #take(chunk: Uint8Array, from: number, to: number): void {
    const phase = this.#payloadBytes - this.#left;
    this.#left -= to - from;
    const isWhole = this.#left === 0;
    if (isWhole) this.#left = -1;
    if (this.#opcode >= opcodes.close) {
      this.#control ??= new Uint8Array(maxControlBytes);
      this.#control.set(chunk.subarray(from, to), phase);
      if (isWhole) this.#endControl(this.#control.subarray(0, this.#payloadBytes));
    } else if (isWhole && this.#isFinal && this.#messageBytes === 0) {
      unmask(chunk, from, to, this.#mask, phase);
      this.#endMessage(chunk.subarray(from, to));
    } else {
      const message = this.#assembled(to - from);
      message.set(chunk.subarray(from, to), this.#messageBytes);
      unmask(message, this.#messageBytes, this.#messageBytes + to - from, this.#mask, phase);
      this.#messageBytes += to - from;
      if (isWhole && this.#isFinal) this.#endMessage(message.subarray(0, this.#messageBytes));
    }
  }

  /** The buffer of the message in pieces, with room for more. */
  #assembled(moreBytes: number): Uint8Array {
    const { pool } = this.#options;
    const neededBytes = this.#messageBytes + moreBytes;
    const message = this.#message;
    if (message !== undefined && message.length >= neededBytes) return message;
    const larger = pool.take(
      Math.max(leastAssembledBytes, neededBytes, 2 * (message?.length ?? 0)),
    );
    if (message !== undefined) {
      larger.set(message.subarray(0, this.#messageBytes));
      pool.give(message);
    }
    this.#message = larger;
    return larger;
  }

  #endMessage(payload: Uint8Array): void {
    const isText = this.#messageOpcode === opcodes.text;
    const message = this.#message;
    this.#messageOpcode = 0;
    this.#messageBytes = 0;
    this.#message = undefined;
    if (isText && !isUtf8(payload)) this.#fail(1007, "a text must be UTF-8");
    try {
      this.#reader.onMessage(payload, isText);
    } finally {
      if (message !== undefined) this.#options.pool.give(message);
    }
  }

  #endControl(payload: Uint8Array): void {
    this.#control = undefined;
    unmask(payload, 0, payload.length, this.#mask, 0);
    if (this.#opcode === opcodes.ping) this.#reader.onPing(payload);
    else if (this.#opcode === opcodes.close) this.#endAll(payload);
  }

  #endAll(payload: Uint8Array): void {
    if (payload.length === 1) this.#fail(protocolError, "a close code has two bytes");
    const code =
      payload.length === 0 ? undefined : ((payload[0] as number) << 8) | (payload[1] as number);
    if (code !== undefined && !isCloseCode(code))
      this.#fail(protocolError, `${code} is no close code`);
    const reason = payload.subarray(2);
    if (!isUtf8(reason)) this.#fail(1007, "the reason of a close must be UTF-8");
    this.stop();
    this.#reader.onClose(code, Buffer.from(reason).toString());
  }

  #fail(closeCode: number, message: string): never {
    this.stop();
    throw new WebSocketFault(closeCode, message);
  }
}

/** True for the codes that may stand in a close (RFC 6455, section 7.4). */
function isCloseCode(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
    (code >= 3000 && code <= 4999)
  );
}
