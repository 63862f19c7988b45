import type { Recorded } from "@myelin/core/recordings";

/** Something recorded, that can be read from its beginning. */
export interface RecordedData {
  /** All of it, in the order of the telling, some at a time. */
  read(): AsyncIterable<readonly Recorded[]>;
  /** A node's own recording: it tells how instructions ended and when timers ran, and may be read twice at a time. */
  readonly isOfNode: boolean;
}

/** Recordings as one, in order of time; at one instant those named first come first. */
export async function* merged(
  all: readonly AsyncIterable<readonly Recorded[]>[],
): AsyncGenerator<readonly Recorded[]> {
  const [only] = all;
  if (all.length === 1 && only !== undefined) return yield* only;
  const cursors = all.map((each) => new Cursor(each));
  try {
    for (const cursor of cursors) await cursor.fill();
    for (;;) {
      const present = cursors.filter(({ head }) => head !== undefined);
      if (present.length === 0) return;
      const batch: Recorded[] = [];
      for (let isFilled = true; isFilled; ) {
        const first = present.reduce((a, b) => (b.atUs < a.atUs ? b : a));
        if (first.head !== undefined) batch.push(first.head);
        isFilled = first.next();
      }
      yield batch;
      for (const cursor of present) await cursor.fill();
    }
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

/** Where one recording has been read to. */
class Cursor {
  head: Recorded | undefined;
  readonly #batches: AsyncIterator<readonly Recorded[]>;
  #batch: readonly Recorded[] = [];
  #place = 0;
  #isOver = false;

  constructor(batches: AsyncIterable<readonly Recorded[]>) {
    this.#batches = batches[Symbol.asyncIterator]();
  }

  get atUs(): number {
    return this.head?.atUs ?? Number.POSITIVE_INFINITY;
  }

  /** Goes on within the batch; false when more is to be read. */
  next(): boolean {
    this.#place += 1;
    this.head = this.#batch[this.#place];
    return this.head !== undefined;
  }

  async fill(): Promise<void> {
    while (this.head === undefined && !this.#isOver) {
      const { done, value } = await this.#batches.next();
      if (done === true) this.#isOver = true;
      else [this.#batch, this.#place, this.head] = [value, 0, value[0]];
    }
  }

  async close(): Promise<void> {
    await this.#batches.return?.();
  }
}
