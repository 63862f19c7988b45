import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { columnForms } from "./column-forms.ts";
import { holds, type PackableSamples } from "./form-choice.ts";
import { FrameWriter, readFrame } from "./index.ts";
import type { ColumnForm, PackedSamples } from "./messages.ts";
import type { SampleColumns } from "./sample-columns.ts";
import { SamplePacker } from "./sample-packer.ts";
import { SampleUnpacker, UnpackedColumns } from "./sample-unpacker.ts";
import { readGenerated } from "./test-support.ts";

interface Row {
  readonly metric: number;
  readonly value: number;
  readonly timeUs: number;
}

function samplesOf(rows: readonly Row[]): PackableSamples {
  return {
    count: rows.length,
    metrics: Uint32Array.from(rows, ({ metric }) => metric),
    values: Float64Array.from(rows, ({ value }) => value),
    timesUs: Float64Array.from(rows, ({ timeUs }) => timeUs),
  };
}

function rowsOf({ count, metrics, values, timesUs }: SampleColumns): Row[] {
  return Array.from({ length: count }, (_, index) => ({
    metric: metrics[index] ?? 0,
    value: values[index] ?? 0,
    timeUs: timesUs[index] ?? 0,
  }));
}

function frameOf(packed: PackedSamples): Uint8Array {
  const writer = new FrameWriter();
  writer.packedSamples(packed);
  return writer.take();
}

const highestId = 5;
const makeUnpacker = (): SampleUnpacker => new SampleUnpacker(new UnpackedColumns());

/** Reads the packed samples of a frame; undefined when something before them is missing. */
function unpackedOf(bytes: Uint8Array, unpacker: SampleUnpacker): Row[] | undefined {
  let rows: Row[] | undefined;
  readFrame(bytes, {
    onPackedSamples: (packed) => {
      const columns = unpacker.unpack(packed, highestId);
      rows = columns === undefined ? undefined : rowsOf(columns);
    },
  });
  return rows;
}

function assertHeld(
  actual: readonly Row[] | undefined,
  given: readonly Row[],
  tolerances: readonly number[],
): void {
  assert.ok(actual !== undefined);
  assert.equal(actual.length, given.length);
  for (const [index, { metric, value, timeUs }] of given.entries()) {
    const shown: Row | undefined = actual[index];
    assert.ok(shown !== undefined);
    assert.equal(shown.metric, metric);
    assert.equal(shown.timeUs, timeUs);
    const tolerance = tolerances[metric] ?? 0;
    assert.ok(
      holds(shown.value, value, tolerance),
      `${value} became ${shown.value}, not within ${tolerance}`,
    );
  }
}

const odd = fc.constantFrom(
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -0,
  0,
  1e300,
  5e-324,
  65_519,
  1 / 3,
);
const value = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -2, max: 2, noNaN: true }) },
  { weight: 4, arbitrary: fc.integer({ min: -300, max: 300 }).map((whole) => whole / 100) },
  { weight: 2, arbitrary: fc.integer({ min: -3000, max: 3000 }) },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: odd },
);
const tolerance = fc.oneof(
  fc.constant(0),
  fc.constantFrom(0.01, 0.5, 1e-9, 1, 100, 5e-324, 1e308),
  fc.double({ min: 1e-12, max: 1e6, noNaN: true }),
);
const row = fc.record({
  metric: fc.integer({ min: 1, max: highestId }),
  value,
  laterUs: fc.oneof(fc.constant(0), fc.constant(1000), fc.nat(20_000), fc.nat(2 ** 40)),
});
const batch = fc.record({
  rows: fc.array(row, { minLength: 1, maxLength: 80 }),
  isOneMetric: fc.boolean(),
  isRegular: fc.boolean(),
  setBackUs: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat(1e9)),
  isLost: fc.boolean(),
});
const forms = fc.uniqueArray(fc.constantFrom<ColumnForm[]>(...columnForms));

function batchesOf(
  plain: readonly (typeof batch extends fc.Arbitrary<infer Batch> ? Batch : never)[],
): Row[][] {
  let timeUs = 1_760_000_000_000_000;
  return plain.map(({ rows, isOneMetric, isRegular, setBackUs }) => {
    timeUs -= setBackUs;
    return rows.map(({ metric, value: given, laterUs }) => {
      timeUs += isRegular ? 10_000 : laterUs % 2 ** 41;
      return { metric: isOneMetric ? 1 : metric, value: given, timeUs };
    });
  });
}

describe("packed samples", () => {
  test("are received within each metric's tolerance, exactly without one, at exact times, in any form", () => {
    fc.assert(
      fc.property(
        forms,
        fc.array(tolerance, { minLength: 6, maxLength: 6 }),
        fc.array(batch, { maxLength: 12 }),
        (allowed, tolerances, plain) => {
          const packer = new SamplePacker(allowed);
          const unpacker = makeUnpacker();
          for (const rows of batchesOf(plain)) {
            const packed = packer.pack(samplesOf(rows), tolerances);
            assert.ok(packed !== undefined);
            for (const { form } of packed.forms)
              assert.ok(form === "f64" || allowed.includes(form));
            assertHeld(unpackedOf(frameOf(packed), unpacker), rows, tolerances);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("are passed over behind a loss until a full operation comes, and never become a wrong value", () => {
    fc.assert(
      fc.property(
        fc.array(tolerance, { minLength: 6, maxLength: 6 }),
        fc.array(batch, { maxLength: 12 }),
        (tolerances, plain) => {
          const packer = new SamplePacker(columnForms);
          const unpacker = makeUnpacker();
          let isWhole = true;
          for (const [index, rows] of batchesOf(plain).entries()) {
            const packed = packer.pack(samplesOf(rows), tolerances);
            assert.ok(packed !== undefined);
            const bytes = frameOf(packed);
            if (plain[index]?.isLost === true) {
              isWhole = false;
              continue;
            }
            isWhole ||= packed.isFull;
            const received = unpackedOf(bytes, unpacker);
            if (isWhole) {
              assertHeld(received, rows, tolerances);
            } else {
              assert.equal(received, undefined);
              packer.reset();
            }
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("are written as the generated code reads them", () => {
    fc.assert(
      fc.property(
        fc.array(tolerance, { minLength: 6, maxLength: 6 }),
        fc.array(batch, { maxLength: 4 }),
        (tolerances, plain) => {
          const packer = new SamplePacker(columnForms);
          const ours = makeUnpacker();
          for (const rows of batchesOf(plain)) {
            const packed = packer.pack(samplesOf(rows), tolerances);
            assert.ok(packed !== undefined);
            const [operation] = readGenerated(frameOf(packed)).operations;
            assert.ok(operation?.kind === "packedSamples");
            const columns = ours.unpack(operation.value, highestId);
            assertHeld(columns && rowsOf(columns), rows, tolerances);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
