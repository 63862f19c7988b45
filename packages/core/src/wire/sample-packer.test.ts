import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { columnForms } from "./column-forms.ts";
import { holds } from "./form-choice.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { ColumnForm, PackedSamples } from "./messages.ts";
import { SamplePacker } from "./sample-packer.ts";
import { SampleUnpacker, UnpackedColumns } from "./sample-unpacker.ts";

const startUs = 1_790_000_000_000_000;

/** Packs frames of samples of one metric, and unpacks each; regular times go on from frame to frame. */
class Line {
  readonly packer: SamplePacker;
  readonly #unpacker = new SampleUnpacker(new UnpackedColumns());
  readonly #tolerance: number;
  #timeUs = startUs;

  constructor(forms: readonly ColumnForm[], tolerance: number) {
    this.packer = new SamplePacker(forms);
    this.#tolerance = tolerance;
  }

  /** What is packed of the values, after it was unpacked and found to be within the tolerance. */
  send(...values: readonly number[]): PackedSamples {
    const packed = this.packer.pack(
      {
        count: values.length,
        metrics: new Uint32Array(values.length).fill(1),
        values: Float64Array.from(values),
        timesUs: Float64Array.from(values, () => (this.#timeUs += 1000)),
      },
      [0, this.#tolerance],
    );
    assert.ok(packed !== undefined);
    const columns = this.#unpacker.unpack(packed, 1);
    assert.ok(columns !== undefined);
    for (const [index, value] of values.entries()) {
      const shown: number = columns.values[index] ?? Number.NaN;
      assert.ok(holds(shown, value, this.#tolerance), `${value} became ${shown}`);
    }
    return packed;
  }
}

function sizeOf(packed: PackedSamples): number {
  const writer = new FrameWriter();
  writer.packedSamples(packed);
  writer.header(startUs, 1000);
  return writer.sizeBytes;
}

/** Whole numbers from 0 to `count` - 1, each made a value. */
const each = (count: number, make: (index: number) => number): number[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe("a packer", () => {
  test("takes less than 1.2 bytes a sample for a metric that moves slowly", () => {
    const line = new Line(columnForms, 0.01);
    let sizeBytes = 0;
    for (let frame = 0; frame < 50; frame++) {
      const values = each(100, (index) => 20 + Math.sin((frame * 100 + index) / 300));
      sizeBytes += sizeOf(line.send(...values));
    }
    assert.ok(sizeBytes / 5000 < 1.2, `${sizeBytes / 5000} bytes`);
  });

  test("takes a bit for a value that has not changed, also without a tolerance", () => {
    const line = new Line(columnForms, 0);
    line.send(1 / 3);
    const packed = line.send(...each(800, () => 1 / 3));
    assert.equal(packed.values.length, 0);
    assert.equal(packed.unchanged.length, 100);
    assert.ok(sizeOf(packed) < 150);
  });

  test("tells neither pattern nor times nor forms again when they go on", () => {
    const line = new Line(["i8_delta"], 0.5);
    line.send(1, 4, 9, 16);
    const { metrics, baseTimeUs, timeSteps, forms, values, unchanged } = line.send(25, 36, 49, 64);
    assert.equal(metrics.length, 0);
    assert.equal(baseTimeUs, undefined);
    assert.deepEqual(Array.from(timeSteps), [0, 3]);
    assert.deepEqual([forms.length, unchanged.length, values.length], [0, 0, 4]);
  });

  test("is full at first, every 256 operations, and after a reset", () => {
    const line = new Line(columnForms, 0.5);
    const fulls = each(600, (index) => index).filter((index) => {
      if (index === 300) line.packer.reset();
      return line.send(index).isFull;
    });
    assert.deepEqual(fulls, [0, 256, 300, 556]);
  });

  test("sends what the quantized forms cannot hold behind a mark, as it is", () => {
    for (const form of ["i8", "i8_delta"] as const) {
      const line = new Line([form], 0.01);
      line.send(...each(50, (index) => index / 100));
      line.send(0.5, Number.NaN, 0.51, Number.POSITIVE_INFINITY, 0.52, 1e300, 0.53, -1e300, 0.54);
      line.send(...each(50, (index) => index / 50));
    }
  });

  test("leaves a metric that jumps in the form that holds it in the fewest bytes", () => {
    const jumping = new Line(columnForms, 0.01);
    const formsOf = (line: Line, ...values: number[]): string[] =>
      line.send(...values).forms.map(({ form }) => form);
    // Beyond the reach of a byte, within the tolerance of 16 bits only near 0, of 32 bits everywhere.
    for (let round = 0; round < 10; round++)
      jumping.send(...each(50, (index) => (index * 7919) % 1000));
    assert.deepEqual(formsOf(jumping, ...each(50, (index) => ((index * 7919) % 1000) + 0.123)), [
      "f32",
    ]);
    const spread = new Line(columnForms, 0.01);
    for (let round = 0; round < 10; round++)
      spread.send(...each(50, (index) => ((index * 7919) % 100) / 50));
    assert.deepEqual(formsOf(spread, ...each(50, (index) => ((index * 7919) % 100) / 50)), []);
  });

  test("keeps small whole numbers in 16 bits and exact", () => {
    const line = new Line(columnForms, 0);
    const { forms, values } = line.send(...each(100, (index) => (index * 31) % 2048));
    assert.deepEqual(
      forms.map(({ form }) => form),
      ["f16"],
    );
    assert.equal(values.length, 200);
    line.send(2049, 1 / 3, 1e300);
  });

  test("uses no form that the receiver does not read", () => {
    const line = new Line(["f32"], 1);
    assert.deepEqual(
      line.send(...each(50, (index) => index)).forms.map(({ form }) => form),
      ["f32"],
    );
    assert.deepEqual(new Line([], 1).send(1, 2, 3).forms, []);
  });

  test("holds a tolerance that is made smaller or larger from there on", () => {
    const packer = new SamplePacker(columnForms);
    const unpacker = new SampleUnpacker(new UnpackedColumns());
    let timeUs = startUs;
    for (const tolerance of [1, 0.001, 0, 5, 0.1]) {
      for (let value = 0; value < 3; value += 0.3) {
        const packed = packer.pack(
          {
            count: 1,
            metrics: Uint32Array.of(1),
            values: Float64Array.of(value),
            timesUs: Float64Array.of((timeUs += 1)),
          },
          [0, tolerance],
        );
        assert.ok(packed !== undefined);
        const shown = unpacker.unpack(packed, 1)?.values[0] ?? Number.NaN;
        assert.ok(holds(shown, value, tolerance));
      }
    }
  });

  test("has no compact form for instants at fractions of a microsecond, nor for too many samples", () => {
    const packer = new SamplePacker(columnForms);
    const samples = (count: number, timeUs: number) => ({
      count,
      metrics: new Uint32Array(count).fill(1),
      values: new Float64Array(count),
      timesUs: new Float64Array(count).fill(timeUs),
    });
    assert.equal(packer.pack(samples(1, 0.5), []), undefined);
    assert.equal(packer.pack(samples(16_385, 1), []), undefined);
    assert.equal(packer.pack(samples(16_384, 1), [])?.isFull, true);
  });
});
