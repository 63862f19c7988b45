/*
 * Telemetry on its way: what the node has not confirmed yet, and what could not be sent yet, in order.
 *
 * Invariants:
 * 1. Batches keep their order: a prefix of them has been sent in this session, the rest has not.
 * 2. Sequence numbers of a session count from 1 and rise; a batch keeps its number when it is sent
 *    again after a resume, and gets a new one in a new session.
 * 3. `sizeBytes`, overhead included, never exceeds the bound after `push`: the oldest batch goes first.
 * 4. A batch that goes before it was sent counts as dropped. One that goes after it was sent counts
 *    as dropped only if a resume shows that it never arrived.
 * 5. Of what was pushed, each sample and event is confirmed, kept or dropped, and only one of them.
 */

/** One frame's worth of telemetry. */
export interface Batch {
  /** The operations as encoded, and behind them a header if `headerSequence` is not 0. */
  readonly bytes: Uint8Array;
  /** The sequence number in the header. */
  readonly headerSequence: number;
  readonly samples: number;
  readonly events: number;
  /** True when a compact form of its samples is worth making. */
  readonly isWorthPacking: boolean;
  /** Highest metric id that the samples use. */
  readonly maxMetricId: number;
  /** True when a change of the twin is in it. */
  readonly hasTwinDelta: boolean;
}

/** What is told of telemetry that is given up. */
export type Loss = Pick<Batch, "samples" | "events" | "hasTwinDelta">;

/** A batch in the queue. */
export interface QueuedBatch {
  readonly batch: Batch;
  /** Counts all batches that were ever pushed, from 1. */
  readonly ordinal: number;
  /** Number in this session; 0 when it has not been sent in it. */
  sequence: number;
  /** True when it was sent before, over an earlier connection. */
  isRepetition: boolean;
}

/** What was sent and then forgotten for want of room: lost unless it is confirmed. */
interface Forgotten {
  sequence: number;
  samples: number;
  events: number;
  hasTwinDelta: boolean;
}

/** Bytes that a batch costs beside its payload. */
const overheadBytes = 128;
/** Most entries about forgotten batches; at the bound the newest takes in the next, which may count too many as dropped. */
const mostForgotten = 1024;

/** A bounded queue of telemetry that forgets nothing before it is confirmed, as long as there is room. */
export class TelemetryBuffer {
  readonly #boundBytes: number;
  readonly #onDrop: (loss: Loss) => void;
  readonly #forgotten: Forgotten[] = [];
  /** Entries before `#head` are gone and undefined. */
  #entries: (QueuedBatch | undefined)[] = [];
  #head = 0;
  /** Index of the first entry that is to be sent. */
  #next = 0;
  #sequence = 0;
  #sizeBytes = 0;
  #unconfirmedBytes = 0;
  #pushed = 0;

  constructor(boundBytes: number, onDrop: (loss: Loss) => void) {
    this.#boundBytes = boundBytes;
    this.#onDrop = onDrop;
  }

  /** Bytes held, overhead included. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** True when what was sent and is not confirmed takes more than half of the room. */
  get isUnderPressure(): boolean {
    return this.#unconfirmedBytes * 2 > this.#boundBytes;
  }

  /** How many batches were ever pushed. */
  get pushed(): number {
    return this.#pushed;
  }

  /** The oldest batch still held, as counted by `pushed`; one more than that when none is. */
  get oldestOrdinal(): number {
    return this.#entries[this.#head]?.ordinal ?? this.#pushed + 1;
  }

  /** The number that the next batch gets if all before it have been sent; 0 while some have not. */
  get directSequence(): number {
    return this.#next === this.#entries.length ? this.#sequence + 1 : 0;
  }

  /** Takes a batch, and drops the oldest ones while there is no room for it. */
  push(batch: Batch): void {
    this.#entries.push({ batch, ordinal: ++this.#pushed, sequence: 0, isRepetition: false });
    this.#sizeBytes += costOf(batch);
    while (this.#sizeBytes > this.#boundBytes) this.#evict();
  }

  /** The next batch to send, numbered; undefined when all have been sent. */
  next(): QueuedBatch | undefined {
    const entry = this.#entries[this.#next];
    if (entry === undefined) return undefined;
    this.#next++;
    if (entry.sequence === 0) entry.sequence = ++this.#sequence;
    this.#unconfirmedBytes += costOf(entry.batch);
    return entry;
  }

  /** The node has everything up to `sequence`. */
  confirm(sequence: number): void {
    while (this.#head < this.#next) {
      const entry = this.#entries[this.#head];
      if (entry === undefined || entry.sequence > sequence) break;
      this.#remove(entry);
    }
    while (this.#forgotten[0] !== undefined && this.#forgotten[0].sequence <= sequence) {
      this.#forgotten.shift();
    }
  }

  /** The session goes on over a new connection: all that is not confirmed is to be sent again. */
  resume(confirmedSequence: number): void {
    this.confirm(confirmedSequence);
    this.#repeat();
  }

  /**
   * A new session begins: all is to be sent under new numbers, but for batches with metrics above
   * `maxMetricId`, which the session does not take.
   */
  restart(maxMetricId: number): void {
    this.#repeat();
    this.#sequence = 0;
    const kept: QueuedBatch[] = [];
    for (let index = this.#head; index < this.#entries.length; index++) {
      const entry = this.#entries[index];
      if (entry === undefined) continue;
      entry.sequence = 0;
      if (entry.batch.maxMetricId <= maxMetricId) {
        kept.push(entry);
      } else {
        this.#sizeBytes -= costOf(entry.batch);
        this.#onDrop(entry.batch);
      }
    }
    this.#entries = kept;
    this.#head = this.#next = 0;
  }

  /** Gives up what is still held of the first batches, up to this one as counted by `pushed`. */
  giveUp(ordinal: number): void {
    for (;;) {
      const entry = this.#entries[this.#head];
      if (entry === undefined || entry.ordinal > ordinal) return;
      this.#remove(entry);
      this.#onDrop(entry.batch);
    }
  }

  #evict(): void {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return;
    const wasSent = this.#head < this.#next;
    this.#remove(entry);
    if (wasSent) this.#forget(entry);
    else this.#onDrop(entry.batch);
  }

  /** Removes `entry`, which is at the head. */
  #remove(entry: QueuedBatch): void {
    this.#sizeBytes -= costOf(entry.batch);
    if (this.#head < this.#next) this.#unconfirmedBytes -= costOf(entry.batch);
    this.#entries[this.#head++] = undefined;
    if (this.#next < this.#head) this.#next = this.#head;
    if (this.#head >= 64 && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#next -= this.#head;
      this.#head = 0;
    }
  }

  #forget({ batch: { samples, events, hasTwinDelta }, sequence }: QueuedBatch): void {
    const newest = this.#forgotten.at(-1);
    if (newest === undefined || this.#forgotten.length < mostForgotten) {
      this.#forgotten.push({ sequence, samples, events, hasTwinDelta });
      return;
    }
    newest.sequence = sequence;
    newest.samples += samples;
    newest.events += events;
    newest.hasTwinDelta ||= hasTwinDelta;
  }

  /** All that is left is to be sent again; what was forgotten is lost. */
  #repeat(): void {
    for (let index = this.#head; index < this.#next; index++) {
      const entry = this.#entries[index];
      if (entry !== undefined) entry.isRepetition = true;
    }
    this.#next = this.#head;
    this.#unconfirmedBytes = 0;
    for (const lost of this.#forgotten) this.#onDrop(lost);
    this.#forgotten.length = 0;
  }
}

function costOf(batch: Batch): number {
  return batch.bytes.length + overheadBytes;
}
