/*
 * Buffers that are used again.
 *
 * A buffer's memory lies outside of the heap, and V8 answers its growth with a mark-compact: a node that
 * takes 100 MB of frames a second into new buffers collects some twenty times a second.
 *
 * Invariants
 * 1. A buffer that was given back is handed to one taker.
 * 2. At most `maxKeptBytes` are kept; what is given back beyond is left to the collector.
 */

/** What a pool keeps unless told otherwise. */
const usualKeptBytes = 16 * 1024 * 1024;
/** Smaller ones are not worth a size of their own. */
const leastBytes = 128;

export class BytePool {
  readonly #maxKeptBytes: number;
  readonly #kept = new Map<number, Uint8Array[]>();
  #keptBytes = 0;

  constructor(maxKeptBytes: number = usualKeptBytes) {
    this.#maxKeptBytes = maxKeptBytes;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** A buffer of at least so many bytes, a quarter more at the most, with anything in it. */
  take(sizeBytes: number): Uint8Array {
    const lengthBytes = lengthFor(sizeBytes);
    const buffer = this.#kept.get(lengthBytes)?.pop();
    if (buffer === undefined) return new Uint8Array(lengthBytes);
    this.#keptBytes -= lengthBytes;
    return buffer;
  }

  /** Takes back what `take` gave; nobody may hold on to it. */
  give(buffer: Uint8Array): void {
    const { length } = buffer;
    if (this.#keptBytes + length > this.#maxKeptBytes) return;
    this.#keptBytes += length;
    const kept = this.#kept.get(length);
    if (kept === undefined) this.#kept.set(length, [buffer]);
    else kept.push(buffer);
  }
}

/** The next of four lengths in each power of two. */
function lengthFor(sizeBytes: number): number {
  if (sizeBytes <= leastBytes) return leastBytes;
  const stepBytes = 2 ** (29 - Math.clz32(sizeBytes - 1));
  return Math.ceil(sizeBytes / stepBytes) * stepBytes;
}
