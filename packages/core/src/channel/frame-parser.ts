/** Bytes of the length that leads each frame of a stream. */
export const prefixBytes = 4;

/** Writes the length of a frame before it, big-endian, to the first four of these bytes. */
export function writePrefix(into: Uint8Array, sizeBytes: number): void {
  into[0] = sizeBytes >>> 24;
  into[1] = sizeBytes >>> 16;
  into[2] = sizeBytes >>> 8;
  into[3] = sizeBytes;
}

/** A frame with its length before it. */
export function prefixed(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(prefixBytes + frame.length);
  writePrefix(bytes, frame.length);
  bytes.set(frame, prefixBytes);
  return bytes;
}

/** Where buffers for frames that come in pieces are from, and go back to. */
export interface Buffers {
  /** A buffer of at least so many bytes, with anything in it. */
  take(sizeBytes: number): Uint8Array;
  /** Takes back what `take` gave. */
  give(buffer: Uint8Array): void;
}

/** A new buffer for each; frames from it may be kept. */
const newBuffers: Buffers = {
  take: (sizeBytes) => new Uint8Array(sizeBytes),
  give: () => undefined,
};

/**
 * Cuts a stream of bytes into frames, each led by its length as 4 bytes big-endian.
 *
 * Invariants
 * 1. A frame that lies whole in one chunk is handed on as a view of that chunk: nothing is copied, and
 *    no chunk is needed after `push`. A frame is its reader's for as long as the chunk, or the buffer
 *    that was taken for it, is not used again; buffers go back when the call returns.
 * 2. A frame that comes in pieces is assembled in one buffer that hardly exceeds twice what has arrived
 *    of it (or one kibibyte): a hostile length costs nothing until its bytes come.
 * 3. A length above the limit stops the parser for good; nothing of that frame is kept.
 */
export class FrameParser {
  readonly #maxFrameBytes: number;
  readonly #buffers: Buffers;
  readonly #onFrame: (frame: Uint8Array) => void;
  /** The length prefix so far, when it is split over chunks. */
  #prefix = 0;
  #prefixBytes = 0;
  /** The frame under assembly; `undefined` between frames. */
  #partial: Uint8Array | undefined;
  #partialBytes = 0;
  #declaredBytes = 0;
  #isStopped = false;

  constructor(
    maxFrameBytes: number,
    onFrame: (frame: Uint8Array) => void,
    buffers: Buffers = newBuffers,
  ) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
    this.#buffers = buffers;
  }

  /** True when the stream stands between two frames, so that it may end here. */
  get isBetweenFrames(): boolean {
    return this.#partial === undefined && this.#prefixBytes === 0;
  }

  /** Hands on no further frame, also of the chunk being parsed. */
  stop(): void {
    this.#isStopped = true;
    if (this.#partial !== undefined) this.#buffers.give(this.#partial);
    this.#partial = undefined;
  }

  /**
   * Takes the next bytes of the stream.
   * Returns the length of a frame that exceeds the limit, or `undefined` when all is well.
   */
  push(chunk: Uint8Array): number | undefined {
    let at = this.#partial === undefined ? 0 : this.#assemble(chunk, 0);
    while (at < chunk.length && !this.#isStopped) {
      let sizeBytes: number;
      if (this.#prefixBytes === 0 && chunk.length - at >= prefixBytes) {
        sizeBytes = readUint32(chunk, at);
        at += prefixBytes;
      } else {
        this.#prefix = this.#prefix * 256 + (chunk[at++] ?? 0);
        if (++this.#prefixBytes < prefixBytes) continue;
        sizeBytes = this.#prefix;
        this.#prefix = 0;
        this.#prefixBytes = 0;
      }
      if (sizeBytes > this.#maxFrameBytes) {
        this.stop();
        return sizeBytes;
      }
      if (chunk.length - at >= sizeBytes) {
        this.#onFrame(chunk.subarray(at, at + sizeBytes));
        at += sizeBytes;
      } else {
        this.#declaredBytes = sizeBytes;
        this.#partialBytes = 0;
        this.#partial = this.#buffers.take(
          Math.min(sizeBytes, Math.max(1024, 2 * (chunk.length - at))),
        );
        at = this.#assemble(chunk, at);
      }
    }
    return undefined;
  }

  /** Adds to the frame under assembly from `from` on; returns how far the chunk is used up. */
  #assemble(chunk: Uint8Array, from: number): number {
    let buffer = this.#partial;
    if (buffer === undefined) return from;
    const heldBytes = this.#partialBytes;
    const takenBytes = Math.min(this.#declaredBytes - heldBytes, chunk.length - from);
    if (heldBytes + takenBytes > buffer.length) {
      const grown = this.#buffers.take(Math.min(this.#declaredBytes, 2 * (heldBytes + takenBytes)));
      grown.set(buffer.subarray(0, heldBytes));
      this.#buffers.give(buffer);
      buffer = grown;
    }
    buffer.set(chunk.subarray(from, from + takenBytes), heldBytes);
    this.#partialBytes = heldBytes + takenBytes;
    if (this.#partialBytes === this.#declaredBytes) {
      this.#partial = undefined;
      this.#onFrame(buffer.subarray(0, this.#partialBytes));
      this.#buffers.give(buffer);
    } else {
      this.#partial = buffer;
    }
    return from + takenBytes;
  }
}

function readUint32(bytes: Uint8Array, at: number): number {
  const high = bytes[at] ?? 0;
  return (
    high * 2 ** 24 +
    (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
  );
}
