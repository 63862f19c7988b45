/**
 * Writes what has changed some time after it changed, so that nobody waits for the disk but who asks.
 *
 * Invariants
 * 1. A row that changed many times since the last write is written once, as it is then. What changes while it is being
 *    written is written again.
 * 2. Of a write that was refused who waits is told, and its rows come with the next one, more slowly. What waits
 *    is bounded by the rows there are.
 * 3. What is to be collected is collected when the rows are about to be written.
 * 4. Rows are written some after the other, so that no turn of the loop makes many.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";

export interface RowWriterOptions<Row> {
  readonly clock: Clock;
  /** Tells of rows that have changed; called some time after `wake`, before the next write. */
  readonly collect: () => void;
  readonly write: (rows: readonly Row[]) => Promise<void>;
  /** Told when rows were refused. */
  readonly onRefused: (count: number, error: MyelinError) => void;
}

/** Rows that are written together, and who waits for that. */
interface Group<Row> {
  readonly rows: Set<Row>;
  readonly isWritten: Promise<boolean>;
  readonly settle: (isWritten: boolean) => void;
}

const delayUs = 50_000;
const retryDelayUs = 2_000_000;
const rowsPerWrite = 250;

export class RowWriter<Row> {
  readonly #options: RowWriterOptions<Row>;
  /** What has changed since the last write. */
  #group: Group<Row> = newGroup();
  #inFlight: Group<Row> | undefined;
  #writing: Promise<boolean> | undefined;
  #timer: Timer | undefined;
  #notBeforeUs = Number.NEGATIVE_INFINITY;
  #isWoken = false;
  #isStopped = false;

  constructor(options: RowWriterOptions<Row>) {
    this.#options = options;
  }

  /** Rows that are to be written, or are being. */
  get size(): number {
    return this.#group.rows.size + (this.#inFlight?.rows.size ?? 0);
  }

  /** The row is to be written. */
  changed(row: Row): void {
    this.#group.rows.add(row);
    this.#plan();
  }

  /** There may be rows to collect. */
  wake(): void {
    this.#isWoken = true;
    this.#plan();
  }

  /** Resolves to true when the row is on disk as it is now, to false when its next write was refused. */
  isWritten(row: Row): Promise<boolean> {
    if (this.#group.rows.has(row)) return this.#group.isWritten;
    return this.#inFlight?.rows.has(row) === true
      ? this.#inFlight.isWritten
      : Promise.resolve(true);
  }

  /** Writes all that has changed, once; resolves to false when some of it was refused. */
  async flush(): Promise<boolean> {
    // Who waits with others is not told before what they write.
    while (this.#writing !== undefined) await this.#writing;
    this.#timer?.cancel();
    this.#timer = undefined;
    return await this.#write();
  }

  /** Writes nothing by itself any more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #plan(): void {
    if (this.#isStopped || this.#timer !== undefined || this.#writing !== undefined) return;
    const { clock } = this.#options;
    this.#timer = clock.schedule(Math.max(delayUs, this.#notBeforeUs - clock.nowUs()), () => {
      this.#timer = undefined;
      void this.#write();
    });
  }

  #write(): Promise<boolean> {
    if (this.#isWoken) {
      this.#isWoken = false;
      this.#options.collect();
    }
    const group = this.#group;
    if (group.rows.size === 0) return Promise.resolve(true);
    this.#group = newGroup();
    this.#inFlight = group;
    this.#writing = this.#writeGroup(group).then((isWritten) => {
      this.#inFlight = undefined;
      this.#writing = undefined;
      group.settle(isWritten);
      if (this.#isWoken || this.#group.rows.size > 0) this.#plan();
      return isWritten;
    });
    return this.#writing;
  }

  async #writeGroup({ rows }: Group<Row>): Promise<boolean> {
    const { clock, write, onRefused } = this.#options;
    const all = [...rows];
    for (let from = 0; from < all.length; from += rowsPerWrite) {
      try {
        await write(all.slice(from, from + rowsPerWrite));
      } catch (error) {
        const refused = all.slice(from);
        for (const row of refused) this.#group.rows.add(row);
        this.#notBeforeUs = clock.nowUs() + retryDelayUs;
        onRefused(refused.length, MyelinError.from(error));
        return false;
      }
    }
    return true;
  }
}

function newGroup<Row>(): Group<Row> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  return { rows: new Set(), isWritten: promise, settle: resolve };
}
