/**
 * One who watches: reads on in the ring as fast as its answer takes it.
 *
 * Invariants
 * 1. Each event from where it began on is told once if its filter passes it, in order, or is within the
 *    range of a `lost` event.
 * 2. Nothing is written while `maxBytes` wait for the network: what waits beyond is the ring alone.
 */
import type { MyelinError } from "@myelin/core/errors";
import type { ResponseSink } from "../ports/transport.ts";
import { formatCursor } from "./cursor.ts";
import { eventText, textOf } from "./event.ts";
import type { WatchFilter } from "./filter.ts";
import type { EventRing } from "./ring.ts";

/** Records looked at in one turn of the loop. */
const recordsPerTurn = 512;
/** Text handed to the network in one turn of the loop, about. */
const charactersPerTurn = 256 << 10;
/** Looks in a row at which nothing had been taken, until it counts as stalled. */
const looksUntilStalled = 2;

export interface WatcherOptions {
  readonly life: string;
  readonly ring: EventRing;
  readonly filter: WatchFilter;
  readonly sink: ResponseSink;
  /** Bytes that may wait for the network. */
  readonly maxBytes: number;
  /** Number of the first event it is to be told. */
  readonly next: number;
  /** Told how many events fell off the ring before they could be told. */
  readonly onLost: (count: number) => void;
}

export class Watcher {
  readonly #options: WatcherOptions;
  #next: number;
  #stalledLooks = 0;
  #isOver = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#next = options.next;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Tells what there is to tell; true when it is to be called again, in another turn. */
  pump(): boolean {
    const { ring, life, filter, sink, maxBytes } = this.#options;
    if (this.#isOver || sink.bufferedBytes >= maxBytes) return false;
    let text = this.#lost();
    let isFull = false;
    const untilNumber = Math.min(ring.last, this.#next + recordsPerTurn - 1);
    while (this.#next <= untilNumber && !isFull) {
      const record = ring.get(this.#next);
      if (record !== undefined && filter(record)) text += textOf(record, life, this.#next);
      this.#next += 1;
      isFull = text.length >= charactersPerTurn || sink.bufferedBytes + text.length >= maxBytes;
    }
    if (text !== "") sink.write(text);
    return this.#next <= ring.last && sink.bufferedBytes < maxBytes;
  }

  /** The network has taken all that was written. */
  drained(): void {
    this.#stalledLooks = 0;
  }

  /** Writes a sign of life, which carries on the cursor past what the filter kept back; false when the reader has stalled. */
  look(): boolean {
    const { sink, maxBytes, life } = this.#options;
    if (sink.bufferedBytes >= maxBytes) {
      this.#stalledLooks += 1;
      return this.#stalledLooks < looksUntilStalled;
    }
    sink.write(`: keep-alive\nid: ${formatCursor({ life, number: this.#next - 1 })}\n\n`);
    return true;
  }

  /** Says why nothing more comes, and ends the answer; one that does not read is cut off. */
  end(error: MyelinError, isCut: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { sink, life } = this.#options;
    const cursor = formatCursor({ life, number: this.#next - 1 });
    sink.write(eventText("goodbye", cursor, error));
    if (isCut) sink.destroy();
    else sink.end();
  }

  /** The answer is over. */
  stopped(): void {
    this.#isOver = true;
  }

  /** What fell off the ring before it was told. */
  #lost(): string {
    const { ring, life, onLost } = this.#options;
    if (this.#next >= ring.oldest) return "";
    const [from, to] = [this.#next, ring.oldest - 1];
    onLost(to - from + 1);
    this.#next = ring.oldest;
    const cursor = formatCursor({ life, number: to });
    return eventText("lost", cursor, { cursor, from, to });
  }
}
