import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MyelinError } from "../errors/index.ts";
import { columnForms } from "./column-forms.ts";
import type { PackedSamples } from "./messages.ts";
import { SampleUnpacker, UnpackedColumns } from "./sample-unpacker.ts";

const highestId = 3;

/** One sample of metric 1 with the value 0. */
const one: PackedSamples = {
  version: 1,
  isFull: true,
  count: 1,
  metrics: [1],
  baseTimeUs: 1000,
  samplesPerInstant: 0,
  timeSteps: [0, 0],
  forms: [],
  unchanged: new Uint8Array(0),
  values: new Uint8Array(8),
};
const two: PackedSamples = { ...one, count: 2, values: new Uint8Array(16), timeSteps: [0, 1] };
const withoutBase = ({ baseTimeUs: _, ...rest }: PackedSamples): PackedSamples => rest;
const asCount = (value: number): PackedSamples => ({
  ...one,
  forms: [{ metric: 1, form: "i8_delta", scale: 0.5, reference: 10 }],
  values: Uint8Array.of(value),
});

const makeUnpacker = (): SampleUnpacker => new SampleUnpacker(new UnpackedColumns());

describe("an unpacker", () => {
  test("counts from the reference in steps of the scale", () => {
    const unpacker = makeUnpacker();
    assert.equal(unpacker.unpack(asCount(3), highestId)?.values[0], 11.5);
    const next = { ...asCount(0xff), isFull: false, version: 2, forms: [] };
    assert.equal(unpacker.unpack(next, highestId)?.values[0], 11);
  });

  test("places the samples of an instant together", () => {
    const packed = {
      ...one,
      count: 5,
      metrics: [1, 2],
      samplesPerInstant: 2,
      // A step of 0, one of 10, and the same once more.
      timeSteps: [0, 0, 20, 0, 0],
      values: new Uint8Array(40),
    };
    const columns = makeUnpacker().unpack(packed, highestId);
    assert.deepEqual([...(columns?.timesUs.subarray(0, 5) ?? [])], [1000, 1000, 1010, 1010, 1020]);
    assert.deepEqual([...(columns?.metrics.subarray(0, 5) ?? [])], [1, 2, 1, 2, 1]);
  });

  test("reads nothing before a full operation, nor behind a gap", () => {
    const unpacker = makeUnpacker();
    const next = (version: number): PackedSamples => ({ ...one, isFull: false, version });
    assert.equal(unpacker.unpack(next(1), highestId), undefined);
    assert.ok(unpacker.unpack({ ...one, version: 7 }, highestId));
    assert.equal(unpacker.unpack(next(9), highestId), undefined);
    assert.equal(unpacker.unpack(next(7), highestId), undefined);
    assert.equal(unpacker.unpack(next(10), highestId), undefined);
    assert.ok(unpacker.unpack(next(8), highestId), "the missing one, late");
    assert.ok(unpacker.unpack({ ...one, version: 3 }, highestId));
    assert.ok(unpacker.unpack(next(4), highestId));
  });

  const malformed: Readonly<Record<string, [RegExp, PackedSamples]>> = {
    "an id that was not declared": [/metrics/, { ...one, metrics: [4] }],
    "an id of 0": [/metrics/, { ...one, metrics: [0] }],
    "no metrics": [/metrics/, { ...one, metrics: [] }],
    "a form of an id that was not declared": [
      /metrics/,
      { ...one, forms: [{ metric: 4, form: "f64", scale: 0 }] },
    ],
    "a scale of 0": [/scale/, { ...one, forms: [{ metric: 1, form: "i8", scale: 0 }] }],
    "a scale that is not finite": [
      /scale/,
      { ...one, forms: [{ metric: 1, form: "i8", scale: Number.POSITIVE_INFINITY }] },
    ],
    "a reference that is not finite": [
      /reference/,
      { ...one, forms: [{ metric: 1, form: "i8", scale: 1, reference: Number.NaN }] },
    ],
    "counts from nothing": [
      /values/,
      { ...one, forms: [{ metric: 1, form: "i8", scale: 1 }], values: Uint8Array.of(1) },
    ],
    "too few values": [/values/, { ...one, values: new Uint8Array(7) }],
    "too many values": [/values/, { ...one, values: new Uint8Array(9) }],
    "a mark without its value": [/values/, asCount(0x80)],
    "no count where one should be": [/values/, { ...asCount(1), values: new Uint8Array(0) }],
    "a map of another length": [/unchanged/, { ...one, unchanged: new Uint8Array(2) }],
    "a value that was never there unchanged": [
      /unchanged/,
      { ...one, unchanged: Uint8Array.of(1), values: new Uint8Array(0) },
    ],
    "too few steps": [/time_steps/, { ...two, timeSteps: [2] }],
    "too many steps": [/time_steps/, { ...one, timeSteps: [2, 2] }],
    "a run without a length": [/time_steps/, { ...one, timeSteps: [0] }],
    "a run beyond the samples": [/time_steps/, { ...two, timeSteps: [0, 2] }],
    "steps that lead back": [/time_steps/, { ...one, timeSteps: [1] }],
    "no instant to go on from": [/base_time_us/, withoutBase(one)],
    "an instant beyond the safe integers": [
      /base_time_us/,
      { ...one, baseTimeUs: Number.MAX_SAFE_INTEGER, timeSteps: [2] },
    ],
  };

  for (const [what, [field, packed]] of Object.entries(malformed)) {
    test(`refuses ${what}`, () => {
      assert.throws(() => makeUnpacker().unpack(packed, highestId), {
        code: "PROTOCOL_ERROR",
        message: field,
      });
    });
  }

  test("refuses a count that runs beyond 2^31", () => {
    const unpacker = makeUnpacker();
    const reach = new Uint8Array(16_384).fill(127);
    const longest = {
      ...asCount(0),
      count: 16_384,
      samplesPerInstant: 16_384,
      timeSteps: [0, 0],
      values: reach,
    };
    unpacker.unpack(longest, highestId);
    let version = 1;
    assert.throws(
      () => {
        for (;;) {
          const next = { ...withoutBase(longest), isFull: false, forms: [], version: ++version };
          unpacker.unpack(next, highestId);
        }
      },
      { code: "PROTOCOL_ERROR", message: /too far/ },
    );
    assert.ok(version > 1000);
  });

  test("reads whatever comes or refuses it with PROTOCOL_ERROR, and times never decrease", () => {
    const number = fc.oneof(fc.nat(4), fc.nat(300), fc.maxSafeNat());
    const bytes = fc.uint8Array({ maxLength: 40 });
    const message = fc.record(
      {
        version: fc.nat(3),
        isFull: fc.boolean(),
        count: fc.nat(20),
        metrics: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 20 }),
        baseTimeUs: fc.double({ min: -1e15, max: 9e15, noNaN: true }),
        samplesPerInstant: fc.nat(25),
        timeSteps: fc.array(number, { maxLength: 8 }),
        forms: fc.array(
          fc.record(
            {
              metric: fc.integer({ min: 0, max: 4 }),
              form: fc.constantFrom(...columnForms),
              scale: fc.double(),
              reference: fc.double(),
            },
            { requiredKeys: ["metric", "form", "scale"] },
          ),
          { maxLength: 3 },
        ),
        unchanged: fc.oneof(fc.constant(new Uint8Array(0)), bytes),
        values: bytes,
      },
      {
        requiredKeys: [
          "version",
          "isFull",
          "count",
          "metrics",
          "samplesPerInstant",
          "timeSteps",
          "forms",
          "unchanged",
          "values",
        ],
      },
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), (messages) => {
        const unpacker = makeUnpacker();
        for (const packed of messages) {
          try {
            const columns = unpacker.unpack(packed, highestId);
            const times = columns?.timesUs.subarray(0, columns.count) ?? [];
            for (let index = 1; index < times.length; index++)
              assert.ok((times[index - 1] ?? 0) <= (times[index] ?? 0));
          } catch (thrown) {
            if (!(thrown instanceof MyelinError) || thrown.code !== "PROTOCOL_ERROR") throw thrown;
          }
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
