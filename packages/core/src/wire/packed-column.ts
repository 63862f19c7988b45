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
}
