/*
 * Reads sockets into one buffer that all of them share.
 *
 * By itself a socket that a server accepted makes a new buffer for each chunk, and hands it on through
 * a stream and an event: of a small frame that is a quarter of what it costs, and all of its garbage.
 * `net.Socket` reads into a buffer of its owner's where it is told so when it is made (`onread`), which
 * cannot be said to a server. So a socket is told afterwards, in the same words: by the properties
 * that `onread` sets, found on a socket that was made for that.
 *
 * Invariants
 * 1. A chunk is its receiver's during the call only, whichever way it was read.
 * 2. Where Node does not have these properties, and for TLS, whose reads may lie in one another, chunks
 *    come by the event `data`: slower, and the same otherwise.
 */
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** The size that libuv proposes for a read. */
const bufferBytes = 65_536;
/** Chunks from this size on are freed by hand; smaller ones are cheaper left to the collector. */
const freedFromBytes = 4096;

/** Who is told what a socket receives. */
export interface ChunkReceiver {
  /** Is handed the first `length` bytes of a buffer, during the call only. */
  onChunk(bytes: Uint8Array, length: number): void;
}

/** What `onread` sets on a socket, under names that are Node's own. */
interface OwnBuffer {
  readonly bufferKey: symbol;
  readonly callbackKey: symbol;
}

/** The part of a socket's handle that is needed. */
interface Handle {
  useUserBuffer?: (buffer: Uint8Array) => void;
}

/** Where a socket has its receiver: so all sockets share one callback, and none has a closure of its own. */
const receiverKey = Symbol("receiver");

interface ReadSocket {
  readonly [receiverKey]: ChunkReceiver;
}

export class SocketReader {
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes);
  readonly #ownBuffer: OwnBuffer | undefined;
  readonly #callback: (this: ReadSocket, length: number) => boolean;

  /** With `isShared` false each chunk is a buffer of its own, as on a Node that knows no other way. */
  constructor(isShared = true) {
    const buffer = this.#buffer;
    this.#ownBuffer = isShared ? findOwnBuffer(buffer) : undefined;
    this.#callback = function (length) {
      this[receiverKey].onChunk(buffer, length);
      return true;
    };
  }

  /** From now on tells what the socket receives; nobody else may read it. */
  read(socket: Socket, receiver: ChunkReceiver): void {
    const { _handle: handle } = socket as Socket & { readonly _handle?: Handle | null };
    const keys = this.#ownBuffer;
    if (keys === undefined || socket instanceof TLSSocket || !handle?.useUserBuffer) {
      socket.on("data", (chunk: Buffer) => {
        receiver.onChunk(chunk, chunk.length);
        free(chunk);
      });
      return;
    }
    const buffer = this.#buffer;
    Object.assign(socket, {
      [receiverKey]: receiver,
      [keys.bufferKey]: buffer,
      [keys.callbackKey]: this.#callback,
    });
    handle.useUserBuffer(buffer);
    // What was read before lies in the stream; the turn is its receiver's to get ready.
    process.nextTick(() => {
      const before = socket.read() as Buffer | null;
      if (before !== null) receiver.onChunk(before, before.length);
      if (!socket.isPaused()) socket.resume();
    });
  }
}

/** Finds the names of the properties by a socket that was never connected. */
function findOwnBuffer(buffer: Buffer): OwnBuffer | undefined {
  const callback = (): boolean => true;
  const socket = new Socket({ onread: { buffer, callback } });
  const properties = socket as unknown as Record<symbol, unknown>;
  const keys = Object.getOwnPropertySymbols(socket);
  const bufferKey = keys.find((key) => properties[key] === buffer);
  const callbackKey = keys.find((key) => properties[key] === callback);
  socket.destroy();
  return bufferKey === undefined || callbackKey === undefined
    ? undefined
    : { bufferKey, callbackKey };
}

/**
 * Frees the memory of a chunk of its own: so it never counts as memory that the collector must win
 * back. Views of it become empty.
 */
function free(chunk: Buffer): void {
  const { buffer } = chunk;
  if (buffer.byteLength >= freedFromBytes && buffer.byteLength === chunk.length)
    (buffer as ArrayBuffer).transfer(0);
}
