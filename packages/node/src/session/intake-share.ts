/**
 * What one connection may have handled at once: a burst, filled again at a rate. What is bulk counts
 * too, so that a connection that floods has nothing of its share left until it has stopped.
 */
export class IntakeShare {
  readonly #burstBytes: number;
  readonly #bytesPerUs: number;
  /** From `burstBytes` below zero to `burstBytes`. */
  #leftBytes: number;
  #filledAtUs: number;

  constructor(burstBytes: number, bytesPerSecond: number, nowUs: number) {
    this.#burstBytes = burstBytes;
    this.#bytesPerUs = bytesPerSecond / 1e6;
    this.#leftBytes = burstBytes;
    this.#filledAtUs = nowUs;
  }

  /** Counts a frame; false when it is bulk. */
  take(sizeBytes: number, nowUs: number): boolean {
    const filledBytes = this.#leftBytes + (nowUs - this.#filledAtUs) * this.#bytesPerUs;
    this.#filledAtUs = nowUs;
    const leftBytes = Math.min(filledBytes, this.#burstBytes) - sizeBytes;
    this.#leftBytes = Math.max(leftBytes, -this.#burstBytes);
    return leftBytes >= 0;
  }
}
