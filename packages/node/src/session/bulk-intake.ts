/**
 * Keeps control from waiting behind bulk: frames beyond a connection's share queue up here and are
 * handled round robin, a bounded quantum of time each turn of the loop.
 *
 * Invariants
 * 1. Frames of one connection are handled in the order of their arrival.
 * 2. A connection whose frames wait is paused: what waits is what was read already, and that is bounded.
 *    No more connections are read from again in a turn than the quantum has emptied.
 * 3. A turn handles bulk for one quantum and one frame more at the most.
 */
import type { Clock } from "@myelin/core/clock";
import type { FrameBacklog } from "./frame-backlog.ts";

/** A connection with frames to be handled. */
export interface BulkSource {
  readonly backlog: FrameBacklog;
  handle(bytes: Uint8Array, arrivedAtUs: number): void;
  /** Frames begin to wait. */
  pauseReading(): void;
  /** No frame waits any more. */
  resumeReading(): void;
}

export interface BulkIntakeOptions {
  readonly clock: Pick<Clock, "nowUs" | "defer">;
  readonly quantumUs: number;
  /** Most bytes that wait of one connection. */
  readonly maxBacklogBytes: number;
  /** Most bytes that wait in all. */
  readonly maxBytes: number;
}

export class BulkIntake {
  readonly #options: BulkIntakeOptions;
  readonly #sources = new Set<BulkSource>();
  #sizeBytes = 0;
  #isPlanned = false;
  readonly #run = (): void => this.#handleQuantum();

  constructor(options: BulkIntakeOptions) {
    this.#options = options;
  }

  /** What the waiting frames take up in memory, about. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Queues a frame and stops reading from its connection; false when too much waits already. */
  offer(source: BulkSource, bytes: Uint8Array, arrivedAtUs: number): boolean {
    const { backlog } = source;
    if (backlog.isEmpty) {
      this.#sources.add(source);
      source.pauseReading();
    }
    this.#sizeBytes += backlog.push(bytes, arrivedAtUs);
    this.#plan();
    const { maxBacklogBytes, maxBytes } = this.#options;
    return backlog.sizeBytes <= maxBacklogBytes && this.#sizeBytes <= maxBytes;
  }

  /** Drops what waits of a connection. */
  drop(source: BulkSource): void {
    this.#sizeBytes -= source.backlog.sizeBytes;
    source.backlog.clear();
    this.#sources.delete(source);
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#options.clock.defer(this.#run);
  }

  #handleQuantum(): void {
    this.#isPlanned = false;
    const { clock, quantumUs } = this.#options;
    const untilUs = clock.nowUs() + quantumUs;
    // A set tells its members in the order of insertion, those that are put back included.
    for (const source of this.#sources) {
      this.#handleOne(source);
      if (clock.nowUs() >= untilUs) break;
    }
    if (this.#sources.size > 0) this.#plan();
  }

  #handleOne(source: BulkSource): void {
    const { backlog } = source;
    this.#sources.delete(source);
    const before = backlog.sizeBytes;
    const frame = backlog.shift();
    if (frame === undefined) return;
    this.#sizeBytes -= before - backlog.sizeBytes;
    if (!backlog.isEmpty) this.#sources.add(source);
    source.handle(frame.bytes, frame.arrivedAtUs);
    if (backlog.isEmpty) source.resumeReading();
  }
}
