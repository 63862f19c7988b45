import { ByteReader } from "./byte-reader.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { ColumnForm } from "./messages.ts";
import { SampleReader } from "./sample-columns.ts";
import { SamplePacker } from "./sample-packer.ts";

/** Tag of operation.samples. */
const samplesTag = 0x2a;

/** Puts frames that were written before into the compact form that one session's samples have. */
export class FramePacker {
  readonly #packer: SamplePacker;
  readonly #samples = new SampleReader();

  /** `forms` are those that the receiver reads. */
  constructor(forms: readonly ColumnForm[]) {
    this.#packer = new SamplePacker(forms);
  }

  /** The next samples are full: the receiver has lost what it kept, or what was packed was not sent. */
  reset(): void {
    this.#packer.reset();
  }

  /**
   * Adds the operations of a frame that FrameWriter has made to another, samples in their compact form;
   * its header is left out.
   * @param tolerances by metric id, as SamplePacker has them
   */
  pack(frame: Uint8Array, tolerances: ArrayLike<number>, writer: FrameWriter): void {
    const reader = new ByteReader(frame);
    let start = 0;
    for (let number = reader.field(); number !== 0; number = reader.field()) {
      if (number === 1) {
        const outer = reader.enter("frame.operations");
        if (!this.#packSamples(reader, tolerances, writer)) {
          writer.written(frame.subarray(start, reader.end));
        }
        reader.pos = reader.end;
        reader.leave(outer);
      } else {
        reader.skip("frame");
      }
      start = reader.pos;
    }
  }

  /** Packs the operation that the reader is in; false when it is no samples, or they must stay as they are. */
  #packSamples(reader: ByteReader, tolerances: ArrayLike<number>, writer: FrameWriter): boolean {
    if (reader.bytes[reader.pos] !== samplesTag) return false;
    reader.field();
    const operationEnd = reader.enter("operation");
    const samples = this.#samples;
    samples.read(reader);
    const isWhole = reader.end === operationEnd;
    reader.leave(operationEnd);
    if (!isWhole || samples.names.length > 0 || samples.count === 0) return false;
    const packed = this.#packer.pack(samples, tolerances);
    if (packed === undefined) return false;
    writer.packedSamples(packed);
    return true;
  }
}
