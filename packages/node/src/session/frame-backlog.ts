/** A frame that waits, and when it was read. */
export interface WaitingFrame {
  readonly bytes: Uint8Array;
  readonly arrivedAtUs: number;
}

/** What a waiting frame costs beyond its bytes, about; without it many small frames would seem to cost nothing. */
const frameOverheadBytes = 256;
/** Emptied places at the front are given back in steps of this, so that taking one out does not move all others. */
const emptiedAtOnce = 64;

/** Frames of one connection that wait, oldest first. */
export class FrameBacklog {
  #frames: (WaitingFrame | undefined)[] = [];
  #first = 0;
  #sizeBytes = 0;

  get isEmpty(): boolean {
    return this.#first === this.#frames.length;
  }

  /** What the waiting frames take up in memory, about. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Adds a frame; returns what it takes up. */
  push(bytes: Uint8Array, arrivedAtUs: number): number {
    this.#frames.push({ bytes, arrivedAtUs });
    const sizeBytes = bytes.byteLength + frameOverheadBytes;
    this.#sizeBytes += sizeBytes;
    return sizeBytes;
  }

  /** Takes out the oldest frame. */
  shift(): WaitingFrame | undefined {
    const frame = this.#frames[this.#first];
    if (frame === undefined) return undefined;
    this.#frames[this.#first++] = undefined;
    this.#sizeBytes -= frame.bytes.byteLength + frameOverheadBytes;
    if (this.isEmpty) this.clear();
    else if (this.#first >= emptiedAtOnce && this.#first * 2 >= this.#frames.length) {
      this.#frames = this.#frames.slice(this.#first);
      this.#first = 0;
    }
    return frame;
  }

  clear(): void {
    this.#frames = [];
    this.#first = 0;
    this.#sizeBytes = 0;
  }
}
