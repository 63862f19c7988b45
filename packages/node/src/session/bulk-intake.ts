/**
 * Keeps control from waiting behind bulk: frames beyond a connection's share of a turn queue up here
 * and are handled round robin, a bounded quantum of time each turn of the loop.
 *
 * Invariants
 * 1. Frames of one connection are handled in the order of their arrival.
 * 2. A connection whose frames wait is paused, so that its queue is bounded by what was already read.
 * 3. A turn handles bulk for one quantum and one frame more at the most.
 */
import type { Clock } from "@myelin/core/clock";

/** A connection with frames to be handled. */
export interface BulkSource {
  /** Frames that wait, with the instant each was read. */
  readonly backlog: { readonly bytes: Uint8Array; readonly arrivedAtUs: number }[];
  handle(bytes: Uint8Array, arrivedAtUs: number): void;
  pauseReading(): void;
  resumeReading(): void;
}

export class BulkIntake {
  readonly #clock: Clock;
  readonly #quantumUs: number;
  readonly #sources: BulkSource[] = [];
  #isPlanned = false;

  constructor(clock: Clock, quantumUs: number) {
    this.#clock = clock;
    this.#quantumUs = quantumUs;
  }

  /** Queues a frame and stops reading from its connection. */
  offer(source: BulkSource, bytes: Uint8Array, arrivedAtUs: number): void {
    if (source.backlog.length === 0) {
      this.#sources.push(source);
      source.pauseReading();
    }
    source.backlog.push({ bytes, arrivedAtUs });
    this.#plan();
  }

  /** Drops what waits of a connection that is gone. */
  drop(source: BulkSource): void {
    source.backlog.length = 0;
    const at = this.#sources.indexOf(source);
    if (at >= 0) this.#sources.splice(at, 1);
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#clock.defer(() => this.#run());
  }

  #run(): void {
    this.#isPlanned = false;
    const untilUs = this.#clock.nowUs() + this.#quantumUs;
    do {
      const source = this.#sources.shift();
      const frame = source?.backlog.shift();
      if (source === undefined || frame === undefined) return;
      if (source.backlog.length > 0) this.#sources.push(source);
      else source.resumeReading();
      source.handle(frame.bytes, frame.arrivedAtUs);
    } while (this.#clock.nowUs() < untilUs);
    if (this.#sources.length > 0) this.#plan();
  }
}
