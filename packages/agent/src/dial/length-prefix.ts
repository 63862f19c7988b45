/*
 * Frames on a byte stream: each is its length in four bytes, big-endian, and then its bytes.
 *
 * Invariants:
 * 1. A frame is told once it is whole, in order, whatever pieces the stream comes in.
 * 2. No more is kept than one frame of at most `maxFrameBytes` and the chunk just read; room for a
 *    frame that comes in pieces is made as its bytes arrive, so a length alone costs nothing.
 */
import { MyelinError } from "@myelin/core/errors";

const prefixBytes = 4;

/** A frame with its length before it. */
export function prefixed(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(prefixBytes + frame.length);
  const sizeBytes = frame.length;
  bytes[0] = sizeBytes >>> 24;
  bytes[1] = sizeBytes >>> 16;
  bytes[2] = sizeBytes >>> 8;
  bytes[3] = sizeBytes;
  bytes.set(frame, prefixBytes);
  return bytes;
}

/** Cuts a byte stream into frames. */
export class FrameSplitter {
  readonly #maxFrameBytes: number;
  readonly #onFrame: (frame: Uint8Array) => void;
  #pieces: Uint8Array[] = [];
  #heldBytes = 0;
  /** Bytes that make the next step possible: a prefix, or a prefix and its frame. */
  #neededBytes = prefixBytes;

  constructor(maxFrameBytes: number, onFrame: (frame: Uint8Array) => void) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
  }

  /**
   * Takes the next bytes of the stream, which must not be reused: frames are views of them.
   * @throws MyelinError PAYLOAD_TOO_LARGE
   */
  push(chunk: Uint8Array): void {
    if (this.#heldBytes > 0) {
      this.#pieces.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes < this.#neededBytes) return;
    }
    const bytes = this.#heldBytes > 0 ? this.#gather() : chunk;
    let at = 0;
    while (bytes.length - at >= prefixBytes) {
      const end = at + prefixBytes + this.#lengthAt(bytes, at);
      if (end > bytes.length) break;
      const frame = bytes.subarray(at + prefixBytes, end);
      at = end;
      this.#onFrame(frame);
    }
    this.#hold(bytes.subarray(at));
  }

  #lengthAt(bytes: Uint8Array, at: number): number {
    let length = 0;
    for (let index = at; index < at + prefixBytes; index++)
      length = length * 256 + (bytes[index] ?? 0);
    if (length <= this.#maxFrameBytes) return length;
    throw new MyelinError(
      "PAYLOAD_TOO_LARGE",
      `a frame of ${length} bytes exceeds ${this.#maxFrameBytes}`,
    );
  }

  #hold(rest: Uint8Array): void {
    if (rest.length === 0) return;
    this.#pieces.push(rest);
    this.#heldBytes = rest.length;
    this.#neededBytes =
      rest.length < prefixBytes ? prefixBytes : prefixBytes + this.#lengthAt(rest, 0);
  }

  #gather(): Uint8Array {
    const bytes = new Uint8Array(this.#heldBytes);
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#heldBytes = 0;
    return bytes;
  }
}
