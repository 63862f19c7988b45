/** A frame of telemetry, and how many samples had been taken to wait by its end. */
interface WaitingFrame {
  sequence: number;
  taken: number;
}

/** Beyond this, frames that came one after another are confirmed together. */
const mostFrames = 1_024;

/**
 * Frames of a session whose samples wait for older ones: what is confirmed may be lost with the node, and these may not. A
 * part keeps and sends again what is not confirmed.
 */
export class WaitingFrames {
  readonly #frames: WaitingFrame[] = [];
  #confirmed = 0;

  add(sequence: number, taken: number): void {
    const last = this.#frames.at(-1);
    if (last === undefined || this.#frames.length < mostFrames)
      this.#frames.push({ sequence, taken });
    else {
      last.sequence = sequence;
      last.taken = taken;
    }
  }

  /**
   * Of the frames up to `received`, the last one before the first that waits.
   * @param applied None waits that was taken as one of the first so many.
   */
  confirmed(received: number, applied: number): number {
    const waiting = this.#frames.findIndex(({ taken }) => taken > applied);
    const done = this.#frames.splice(0, waiting === -1 ? this.#frames.length : waiting);
    this.#confirmed = done.at(-1)?.sequence ?? this.#confirmed;
    return waiting === -1 ? received : this.#confirmed;
  }
}
