// The error bounds of the compact forms, as docs/json.md tells them.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ColumnForm, PackedSamples } from "./messages.ts";
import { SamplePacker } from "./sample-packer.ts";
import { SampleUnpacker, UnpackedColumns } from "./sample-unpacker.ts";

const startUs = 1_790_000_000_000_000;

/** Packs values of one metric in one form, and gives what the receiver has of them. */
function send(
  form: ColumnForm,
  tolerance: number,
  values: readonly number[],
): { readonly packed: PackedSamples; readonly shown: readonly number[] } {
  const samples = {
    count: values.length,
    metrics: new Uint32Array(values.length).fill(1),
    values: Float64Array.from(values),
    timesUs: Float64Array.from(values, (_, index) => startUs + index),
  };
  const packed = new SamplePacker([form]).pack(samples, [0, tolerance]);
  assert.ok(packed !== undefined);
  const columns = new SampleUnpacker(new UnpackedColumns()).unpack(packed, 1);
  assert.ok(columns !== undefined);
  return { packed, shown: [...columns.values.subarray(0, columns.count)] };
}

/** Asserts that a tolerance of the bound is enough for the form, whatever the value. */
function assertBound(
  form: ColumnForm,
  within: { readonly min: number; readonly max: number },
  boundOf: (value: number) => number,
): void {
  const values = fc.oneof(
    fc.double({ ...within, noNaN: true }),
    fc.double({ min: -1, max: 1, noNaN: true }),
  );
  fc.assert(
    fc.property(values, (value) => {
      const { packed, shown } = send(form, boundOf(value), [value]);
      assert.equal(packed.forms[0]?.form, form);
      assert.ok(Math.abs((shown[0] ?? Number.NaN) - value) <= boundOf(value));
    }),
    { numRuns: 2000 },
  );
}

test("f64 is exact", () => {
  const values = [0.1, -0, 1e300, Number.NaN, Number.NEGATIVE_INFINITY];
  assert.deepEqual(send("f64", 0, values).shown, values);
});

test("f32 is off by at most 2⁻²⁴ of the value", () => {
  assertBound("f32", { min: -3.4e38, max: 3.4e38 }, (value) =>
    Math.max(2 ** -24 * Math.abs(value), 2 ** -150),
  );
});

test("f16 is off by at most 2⁻¹¹ of the value, and 2⁻²⁵ where that is very small", () => {
  assertBound("f16", { min: -65_519, max: 65_519 }, (value) =>
    Math.abs(value) < 2 ** -14 ? 2 ** -25 : 2 ** -11 * Math.abs(value),
  );
});

test("the quantized forms are off by at most half their scale, however many differences are added up", () => {
  const swings = fc.array(fc.double({ min: 1, max: 10, noNaN: true }), {
    minLength: 50,
    maxLength: 2000,
  });
  fc.assert(
    fc.property(swings, fc.constantFrom("i8", "i8_delta"), (sizes, form) => {
      const values = sizes.map((size, index) => 100 + (index % 2 === 0 ? size : -size));
      const { packed, shown } = send(form, 0.1, values);
      const [change] = packed.forms;
      assert.equal(change?.form, form);
      assert.ok(change.scale < 0.2);
      for (const [index, value] of values.entries())
        assert.ok(Math.abs((shown[index] ?? Number.NaN) - value) <= change.scale / 2 + 1e-12);
    }),
    { numRuns: 200 },
  );
});
