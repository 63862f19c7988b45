import type { BytePool } from "../bytes/index.ts";

/** A frame that waits, and when it was read. */
export interface WaitingFrame {
  readonly bytes: Uint8Array;
  readonly arrivedAtUs: number;
  /** What `bytes` lies in. */
  readonly buffer: Uint8Array;
}

/** What a waiting frame costs beyond its bytes, about; without it many small frames would seem to cost nothing. */
const frameOverheadBytes = 256;
/** Emptied places at the front are given back in steps of this, so that taking one out does not move all others. */
const emptiedAtOnce = 64;

/** Frames of one connection that wait, oldest first, in buffers of a pool. */
export class FrameBacklog {
  readonly #pool: BytePool;
  #frames: (WaitingFrame | undefined)[] = [];
  #first = 0;
  #sizeBytes = 0;

  constructor(pool: BytePool) {
    this.#pool = pool;
  }

  get isEmpty(): boolean {
    return this.#first === this.#frames.length;
  }

  /** What the waiting frames take up in memory, about. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Adds a copy of a frame; returns what it takes up. */
  push(frame: Uint8Array, arrivedAtUs: number): number {
    const buffer = this.#pool.take(frame.length);
    const bytes = buffer.subarray(0, frame.length);
    bytes.set(frame);
    this.#frames.push({ bytes, arrivedAtUs, buffer });
    const sizeBytes = buffer.length + frameOverheadBytes;
    this.#sizeBytes += sizeBytes;
    return sizeBytes;
  }

  /** Takes out the oldest frame, to be given back when it was handled. */
  shift(): WaitingFrame | undefined {
    const frame = this.#frames[this.#first];
    if (frame === undefined) return undefined;
    this.#frames[this.#first++] = undefined;
    this.#sizeBytes -= frame.buffer.length + frameOverheadBytes;
    if (this.isEmpty) this.#reset();
    else if (this.#first >= emptiedAtOnce && this.#first * 2 >= this.#frames.length) {
      this.#frames = this.#frames.slice(this.#first);
      this.#first = 0;
    }
    return frame;
  }

  /** A frame that was taken out is not needed any more. */
  giveBack({ buffer }: WaitingFrame): void {
    this.#pool.give(buffer);
  }

  clear(): void {
    for (const frame of this.#frames) if (frame !== undefined) this.giveBack(frame);
    this.#reset();
  }

  #reset(): void {
    this.#frames = [];
    this.#first = 0;
    this.#sizeBytes = 0;
  }
}
