/**
 * Blocks of doubles of a power of two in length, given from large segments and taken back: so that state for each agent
 * and window grows and goes without an object for each.
 *
 * Invariants
 * 1. A block lies within one segment; its handle tells which, and where.
 * 2. A segment belongs to one length for good. What was given back is given again first.
 */
const segmentBits = 16;
const segmentLength = 1 << segmentBits;
const offsetMask = segmentLength - 1;
const smallestBits = 4;

/** No block. */
export const noBlock = -1;

export class BlockPool {
  readonly #segments: Float64Array[] = [];
  /** Handles that wait, by the length's power of two. */
  readonly #free: number[][] = [];

  /** The length of the block that is given for so many doubles. */
  lengthFor(doubles: number): number {
    return 1 << bitsFor(doubles);
  }

  /** A block of at least so many doubles, at most a whole segment; it may hold anything. */
  take(doubles: number): number {
    const bits = bitsFor(doubles);
    if (bits > segmentBits) throw new RangeError(`no block holds ${doubles} doubles`);
    const free = (this.#free[bits] ??= []);
    const handle = free.pop();
    if (handle !== undefined) return handle;
    const base = this.#segments.length << segmentBits;
    this.#segments.push(new Float64Array(segmentLength));
    for (let offset = segmentLength - (1 << bits); offset > 0; offset -= 1 << bits)
      free.push(base + offset);
    return base;
  }

  /** Takes a block back that was given for so many doubles. */
  give(handle: number, doubles: number): void {
    this.#free[bitsFor(doubles)]?.push(handle);
  }

  /** The segment that a block lies in. */
  segment(handle: number): Float64Array {
    return this.#segments[handle >>> segmentBits] as Float64Array;
  }

  /** Where in its segment a block begins. */
  offset(handle: number): number {
    return handle & offsetMask;
  }
}

function bitsFor(doubles: number): number {
  return Math.max(smallestBits, 32 - Math.clz32(doubles - 1));
}
