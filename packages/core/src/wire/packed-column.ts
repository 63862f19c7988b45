import { ByteReader, wireBytes } from "./byte-reader.ts";
import { gather } from "./gather.ts";

/**
 * Where a repeated number field lies. Protobuf lets such a field come packed or unpacked, whole or in
 * several pieces; a writer sends it packed and whole, which is then read where it lies. Other forms
 * are copied together first, into no more bytes than they had in the frame.
 */
export class PackedColumn {
  /** Reads the column once `gather` was called; its `pos` and `end` are the column's. */
  reader: ByteReader = new ByteReader(new Uint8Array(0));
  start = 0;
  end = 0;
  /** Further pieces as pairs of start and end, in the order they came. */
  #pieces: number[] | undefined;

  /** Forgets the previous column. */
  reset(reader: ByteReader): void {
    this.reader = reader;
    this.start = 0;
    this.end = 0;
    this.#pieces = undefined;
  }

  /** Takes the field that `reader` has come to; one entry when it is not packed but of `wireType`. */
  add(wireType: number, field: string): void {
    const { reader } = this;
    let start: number;
    if (reader.wireType === wireBytes) {
      const length = reader.length(field);
      start = reader.pos;
      reader.pos += length;
    } else {
      reader.expect(wireType, field);
      start = reader.pos;
      reader.skip(field);
    }
    if (this.start === this.end) {
      this.start = start;
      this.end = reader.pos;
    } else {
      this.#pieces ??= [this.start, this.end];
      this.#pieces.push(start, reader.pos);
    }
  }

  /** Makes one piece of it. */
  gather(): void {
    const pieces = this.#pieces;
    if (pieces === undefined) return;
    const gathered = gather(this.reader.bytes, pieces);
    this.reset(new ByteReader(gathered));
    this.end = gathered.length;
  }

  /**
   * Reads a column that has as many bytes as numbers, each from 1 to 127, as most metric ids are, in
   * half the time that varints take. False when it holds anything else.
   */
  readBytes(numbers: Uint32Array, count: number): boolean {
    const { start } = this;
    const { bytes } = this.reader;
    for (let index = 0; index < count; index++) {
      const byte = bytes[start + index] as number;
      if (byte === 0 || byte >= 0x80) return false;
      numbers[index] = byte;
    }
    return true;
  }

  /**
   * Reads the column as varints, no more than `count`, into `numbers`.
   * @returns how many it has; more than `count` when it goes on
   */
  readVarints(numbers: Float64Array, count: number, field: string): number {
    const { reader, end } = this;
    const { bytes } = reader;
    reader.end = end;
    let at = this.start;
    let index = 0;
    // Up to three bytes are read here: half the time of a call for each number.
    while (at < end && index < count) {
      const first = bytes[at] as number;
      if (first < 0x80) {
        numbers[index++] = first;
        at++;
        continue;
      }
      if (at + 2 < end) {
        const second = bytes[at + 1] as number;
        if (second < 0x80) {
          numbers[index++] = (first & 0x7f) | (second << 7);
          at += 2;
          continue;
        }
        const third = bytes[at + 2] as number;
        if (third < 0x80) {
          numbers[index++] = (first & 0x7f) | ((second & 0x7f) << 7) | (third << 14);
          at += 3;
          continue;
        }
      }
      reader.pos = at;
      numbers[index++] = reader.varint(field);
      at = reader.pos;
    }
    return at < end ? count + 1 : index;
  }
}
