import type { BytePool } from "../../bytes/index.ts";

/**
 * Cuts a stream of bytes into frames, each led by its length as 4 bytes big-endian.
 *
 * Invariants
 * 1. A frame that lies whole in one chunk is handed on as a view of that chunk: nothing is copied. No
 *    frame is the reader's for longer than the call, and no chunk is needed after `push`.
 * 2. A frame that comes in pieces is assembled in one buffer of the pool that hardly exceeds twice what
 *    has arrived of it (or one kibibyte): a hostile length costs nothing until its bytes come.
 * 3. A length above the limit stops the parser for good; nothing of that frame is kept.
 */
export class FrameParser {
  readonly #maxFrameBytes: number;
  readonly #pool: BytePool;
  readonly #onFrame: (frame: Uint8Array) => void;
  /** The length prefix so far, when it is split over chunks. */
  #prefix = 0;
  #prefixBytes = 0;
  /** The frame under assembly; `undefined` between frames. */
  #partial: Uint8Array | undefined;
  #partialBytes = 0;
  #declaredBytes = 0;
  #isStopped = false;

  constructor(maxFrameBytes: number, pool: BytePool, onFrame: (frame: Uint8Array) => void) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#pool = pool;
    this.#onFrame = onFrame;
  }

  /** True when the stream stands between two frames, so that it may end here. */
  get isBetweenFrames(): boolean {
    return this.#partial === undefined && this.#prefixBytes === 0;
  }

  /** Hands on no further frame, also of the chunk being parsed. */
  stop(): void {
    this.#isStopped = true;
    if (this.#partial !== undefined) this.#pool.give(this.#partial);
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
      if (this.#prefixBytes === 0 && chunk.length - at >= 4) {
        sizeBytes = readUint32(chunk, at);
        at += 4;
      } else {
        this.#prefix = this.#prefix * 256 + (chunk[at++] ?? 0);
        if (++this.#prefixBytes < 4) continue;
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
        this.#partial = this.#pool.take(
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
      const grown = this.#pool.take(Math.min(this.#declaredBytes, 2 * (heldBytes + takenBytes)));
      grown.set(buffer.subarray(0, heldBytes));
      this.#pool.give(buffer);
      buffer = grown;
    }
    buffer.set(chunk.subarray(from, from + takenBytes), heldBytes);
    this.#partialBytes = heldBytes + takenBytes;
    if (this.#partialBytes === this.#declaredBytes) {
      this.#partial = undefined;
      this.#onFrame(buffer.subarray(0, this.#partialBytes));
      this.#pool.give(buffer);
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
