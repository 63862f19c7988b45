/**
 * Keeps control from waiting behind bulk: frames beyond a connection's share queue up here and are
 * handled round robin, a bounded quantum of time each turn of the loop.
 *
 * Invariants
 * 1. Frames of one connection are handled in the order of their arrival.
 * 2. A connection whose frames wait is paused: what waits is what was read already, and that is bounded.
 *    It is read from again, in its turn, when its frames are handled and less than `aheadBytes` wait of all:
 *    what is not read yet does not age in the node.
 * 3. A turn handles bulk for one quantum and one frame more at the most.
 * 4. While it is held nothing is read again; what was read before is handled.
 */
import type { Clock } from "@myelin/core/clock";
import type { FrameBacklog } from "./frame-backlog.ts";

/** A connection with frames to be handled. */
export interface BulkSource {
  readonly backlog: FrameBacklog;
  /** Nothing more comes: it only waits for its frames to be handled. */
  readonly isEnded: boolean;
  handle(bytes: Uint8Array, arrivedAtUs: number): void;
  /** Frames begin to wait. */
  pauseReading(): void;
  /** No frame waits any more, and there is room for what it reads. */
  resumeReading(): void;
}

export interface BulkIntakeOptions {
  readonly clock: Pick<Clock, "nowUs" | "defer">;
  readonly quantumUs: number;
  /** Bulk of all connections that is read ahead of being handled, about. */
  readonly aheadBytes: number;
  /** Most bytes that wait of one connection. */
  readonly maxBacklogBytes: number;
  /** Most bytes that wait in all. */
  readonly maxBytes: number;
}

/** What the system hands over at once of one connection, at the most. */
const readAtOnceBytes = 65_536;

export class BulkIntake {
  readonly #options: BulkIntakeOptions;
  readonly #sources = new Set<BulkSource>();
  /** Connections without a frame that waits, to be read from again; the first that rested first. */
  readonly #resting = new Set<BulkSource>();
  #sizeBytes = 0;
  #isPlanned = false;
  #isHeld = false;
  #spentUs = 0;
  #heldFrames = 0;
  readonly #run = (): void => this.#handleQuantum();

  constructor(options: BulkIntakeOptions) {
    this.#options = options;
  }

  /** What the waiting frames take up in memory, about. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Time spent on bulk since the start. */
  get spentUs(): number {
    return this.#spentUs;
  }

  /** Frames that came while bulk was held, since the start. */
  get heldFrames(): number {
    return this.#heldFrames;
  }

  /** Reads no more bulk, or goes on with it. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#planIfNeeded();
  }

  /** Queues a frame and stops reading from its connection; false when too much waits already. */
  offer(source: BulkSource, bytes: Uint8Array, arrivedAtUs: number): boolean {
    const { backlog } = source;
    if (backlog.isEmpty) {
      this.#sources.add(source);
      if (!this.#resting.delete(source)) source.pauseReading();
    }
    this.#sizeBytes += backlog.push(bytes, arrivedAtUs);
    if (this.#isHeld) this.#heldFrames += 1;
    this.#plan();
    const { maxBacklogBytes, maxBytes } = this.#options;
    return backlog.sizeBytes <= maxBacklogBytes && this.#sizeBytes <= maxBytes;
  }

  /** Drops what waits of a connection. */
  drop(source: BulkSource): void {
    this.#sizeBytes -= source.backlog.sizeBytes;
    source.backlog.clear();
    this.#sources.delete(source);
    this.#resting.delete(source);
  }

  #planIfNeeded(): void {
    if (this.#sources.size > 0 || (this.#resting.size > 0 && !this.#isHeld)) this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#options.clock.defer(this.#run);
  }

  #handleQuantum(): void {
    this.#isPlanned = false;
    const { clock, quantumUs } = this.#options;
    const beganAtUs = clock.nowUs();
    let nowUs = beganAtUs;
    // A set tells its members in the order of insertion, those that are put back included.
    for (const source of this.#sources) {
      this.#handleOne(source);
      nowUs = clock.nowUs();
      if (nowUs - beganAtUs >= quantumUs) break;
    }
    this.#spentUs += nowUs - beganAtUs;
    this.#readOn();
    this.#planIfNeeded();
  }

  /** Reads again from as many as there is room for. */
  #readOn(): void {
    if (this.#isHeld) return;
    let roomBytes = this.#options.aheadBytes - this.#sizeBytes;
    for (const source of this.#resting) {
      if (roomBytes <= 0) return;
      roomBytes -= readAtOnceBytes;
      this.#resting.delete(source);
      source.resumeReading();
    }
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
    backlog.giveBack(frame);
    if (!backlog.isEmpty) return;
    if (source.isEnded) source.resumeReading();
    else this.#resting.add(source);
  }
}
