import { MyelinError } from "../errors/index.ts";

/**
 * Small frames are written one after the other into chunks of this size and handed out as pieces of
 * them: 45 ns a frame where an array of its own costs 300 to 600 ns. It is also what an idle writer
 * holds, and what a small frame keeps alive.
 */
const chunkBytes = 1024;
/** A chunk with less left is given up. */
const minLeftBytes = 128;
/** Larger frames are written into a buffer that is kept up to this size, and handed out as copies. */
const keptBytes = 65_536;
/** Longer strings go to TextEncoder. */
const maxLoopedText = 64;
/** Bytes that the longest varint of a safe integer takes, and some more. */
const varintBytes = 10;

const encoder = new TextEncoder();

/** Bytes that `value`, a whole number from 0 to 2^53, takes as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest /= 128) size++;
  return size;
}

/**
 * Writes protobuf's wire format into a growing buffer. Fields that have their default value are left
 * out, as proto3 has it; the methods that begin with `put` write always. Places in what is written
 * are told by its size at that point.
 */
export class ByteWriter {
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  /** Where what is being written begins in the buffer. */
  #start = 0;
  /** Where the next byte goes. */
  #pos = 0;

  /** Bytes written since the last `take`. */
  get sizeBytes(): number {
    return this.#pos - this.#start;
  }

  /** Forgets what was written beyond the first `sizeBytes`. */
  cut(sizeBytes: number): void {
    this.#pos = this.#start + sizeBytes;
  }

  /** Begins a nested message; returns what `close` takes. */
  open(tag: number): number {
    this.#reserve(2);
    this.#bytes[this.#pos] = tag;
    this.#pos += 2;
    return this.sizeBytes;
  }

  /** Ends a nested message by writing its length before it, moving it where that takes more than a byte. */
  close(opened: number): void {
    const length = this.sizeBytes - opened;
    if (length < 0x80) {
      this.#bytes[this.#start + opened - 1] = length;
      return;
    }
    const extra = varintSize(length) - 1;
    this.#reserve(extra);
    const from = this.#start + opened;
    this.#bytes.copyWithin(from + extra, from, this.#pos);
    const end = this.#pos + extra;
    this.#pos = from - 1;
    this.putVarint(length);
    this.#pos = end;
  }

  string(tag: number, text: string): void {
    if (text !== "") this.putString(tag, text);
  }

  putString(tag: number, text: string): void {
    this.#reserve(1 + varintBytes + text.length * 3);
    this.#bytes[this.#pos++] = tag;
    if (text.length > maxLoopedText || !this.#ascii(text)) this.#text(text);
  }

  /**
   * Whole numbers from 0 to 2^53 - 1; fractions are cut.
   * @throws MyelinError INVALID_ARGUMENT for what is none.
   */
  uint(tag: number, value: number): void {
    if (value === 0) return;
    if (!(value > 0 && value <= Number.MAX_SAFE_INTEGER)) {
      throw new MyelinError(
        "INVALID_ARGUMENT",
        `${value} is not a whole number from 0 to 2^53 - 1`,
      );
    }
    this.putByte(tag);
    this.putVarint(value);
  }

  bool(tag: number, value: boolean): void {
    if (!value) return;
    this.putByte(tag);
    this.putByte(1);
  }

  /**
   * An instant or a duration in microseconds.
   * @throws MyelinError INVALID_ARGUMENT when it is not finite and within the safe integers.
   */
  time(tag: number, timeUs: number): void {
    if (timeUs === 0) return;
    if (!(Math.abs(timeUs) <= Number.MAX_SAFE_INTEGER)) {
      throw new MyelinError("INVALID_ARGUMENT", `${timeUs} is not a time in microseconds`);
    }
    this.putDouble(tag, timeUs);
  }

  putDouble(tag: number, value: number): void {
    this.#reserve(9);
    this.#bytes[this.#pos] = tag;
    this.#view.setFloat64(this.#pos + 1, value, true);
    this.#pos += 9;
  }

  /** The values alone, without tag or length. */
  putDoubles(values: Float64Array, count: number): void {
    this.#reserve(count * 8);
    const view = this.#view;
    let pos = this.#pos;
    for (let index = 0; index < count; index++, pos += 8) {
      view.setFloat64(pos, values[index] as number, true);
    }
    this.#pos = pos;
  }

  bytes(tag: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#reserve(1 + varintBytes + bytes.length);
    this.#bytes[this.#pos++] = tag;
    this.putVarint(bytes.length);
    this.#bytes.set(bytes, this.#pos);
    this.#pos += bytes.length;
  }

  /** A double alone, without a tag. */
  putNumber(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#pos, value, true);
    this.#pos += 8;
  }

  /** Bytes alone, without tag or length. */
  putBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#pos);
    this.#pos += bytes.length;
  }

  putByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#pos++] = byte;
  }

  putVarint(value: number): void {
    this.#reserve(varintBytes);
    const bytes = this.#bytes;
    let pos = this.#pos;
    let rest = value;
    while (rest >= 0x80000000) {
      bytes[pos++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    rest |= 0;
    while (rest >= 0x80) {
      bytes[pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[pos++] = rest;
    this.#pos = pos;
  }

  /** Varints one after the other, none above `largest`, without tags. */
  putVarints(numbers: ArrayLike<number>, count: number, largest: number): void {
    // Room for one more, so that `putVarint` finds room and the buffer stays the same.
    this.#reserve(count * varintSize(largest) + varintBytes);
    const bytes = this.#bytes;
    let pos = this.#pos;
    for (let index = 0; index < count; index++) {
      const number = numbers[index] as number;
      if (number < 0x80) {
        bytes[pos++] = number;
      } else if (number < 0x4000) {
        bytes[pos++] = (number & 0x7f) | 0x80;
        bytes[pos++] = number >> 7;
      } else if (number < 0x200000) {
        bytes[pos++] = (number & 0x7f) | 0x80;
        bytes[pos++] = ((number >> 7) & 0x7f) | 0x80;
        bytes[pos++] = number >> 14;
      } else {
        this.#pos = pos;
        this.putVarint(number);
        pos = this.#pos;
      }
    }
    this.#pos = pos;
  }

  /** What was written, in bytes that are never written again; the writer is empty again. */
  take(): Uint8Array {
    const bytes = this.#bytes;
    const isChunk = bytes.length <= chunkBytes;
    const taken = isChunk
      ? bytes.subarray(this.#start, this.#pos)
      : bytes.slice(this.#start, this.#pos);
    const isWorthKeeping = isChunk
      ? bytes.length - this.#pos >= minLeftBytes
      : bytes.length <= keptBytes && taken.length > chunkBytes / 2;
    if (!isWorthKeeping) this.#use(new Uint8Array(0));
    this.#start = isChunk && isWorthKeeping ? this.#pos : 0;
    this.#pos = this.#start;
    return taken;
  }

  /** Makes room for `count` more bytes. */
  #reserve(count: number): void {
    if (this.#pos + count > this.#bytes.length) this.#grow(count);
  }

  /** Takes what is being written along into a new buffer. */
  #grow(count: number): void {
    const { sizeBytes } = this;
    const needed = sizeBytes + count;
    const larger = new Uint8Array(needed <= chunkBytes ? chunkBytes : needed * 2);
    larger.set(this.#bytes.subarray(this.#start, this.#pos));
    this.#use(larger);
    this.#start = 0;
    this.#pos = sizeBytes;
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    let pos = this.#pos;
    bytes[pos++] = text.length;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) return false;
      bytes[pos++] = unit;
    }
    this.#pos = pos;
    return true;
  }

  #text(text: string): void {
    const guess = varintSize(text.length);
    const start = this.#pos + guess;
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(start));
    const shift = varintSize(written) - guess;
    if (shift > 0) this.#bytes.copyWithin(start + shift, start, start + written);
    this.putVarint(written);
    this.#pos += written;
  }
}
