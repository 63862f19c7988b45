import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { columnForms } from "./column-forms.ts";
import { FramePacker } from "./frame-packer.ts";
import { FrameWriter } from "./frame-writer.ts";
import { SampleUnpacker, UnpackedColumns } from "./sample-unpacker.ts";
import { frame, type PlainFrame, readPlain, writePlain } from "./test-support.ts";

/** The frame with small metric ids, as they are in a session, and without names. */
function asBatch({ operations, ...header }: PlainFrame): PlainFrame {
  return {
    ...header,
    operations: operations
      .filter(({ kind }) => kind !== "packedSamples")
      .map((operation) => {
        if (operation.kind !== "samples") return operation;
        const metrics = operation.value.metrics.map((id) => (id % 50) + 1);
        return { kind: "samples", value: { ...operation.value, names: [], metrics } };
      }),
  };
}

test("a frame that is packed says the same, in the same order, without its header", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 4 }), (frames) => {
      const packer = new FramePacker(columnForms);
      const unpacker = new SampleUnpacker(new UnpackedColumns());
      const writer = new FrameWriter();
      for (const any of frames) {
        const plain = asBatch(any);
        packer.pack(writePlain(plain), [], writer);
        const packed = readPlain(writer.take());
        assert.deepEqual([packed.sentAtUs, packed.telemetrySequence], [Number.NaN, 0]);
        const operations = packed.operations.map((operation) => {
          if (operation.kind !== "packedSamples") return operation;
          const columns = unpacker.unpack(operation.value, 50);
          assert.ok(columns !== undefined);
          const { count, metrics, values, timesUs } = columns;
          const value = {
            names: [],
            metrics: [...metrics.subarray(0, count)],
            values: [...values.subarray(0, count)],
            timesUs: [...timesUs.subarray(0, count)],
          };
          return { kind: "samples", value };
        });
        assert.deepEqual(operations, plain.operations);
      }
    }),
    { numRuns: 300 },
  );
});

test("samples that declare names stay as they are", () => {
  const writer = new FrameWriter();
  const samples = {
    names: [{ id: 1, name: "m" }],
    baseTimeUs: 1,
    metrics: [1],
    values: Float64Array.of(1),
    offsetsUs: undefined,
    count: 1,
  };
  writer.samples(samples);
  const bytes = writer.take();
  new FramePacker(columnForms).pack(bytes, [], writer);
  assert.deepEqual(writer.take(), bytes);
});
