import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { MyelinError } from "../errors/index.ts";
import { readFrame } from "./index.ts";
import { frame, readPlain, writeGenerated, writePlain } from "./test-support.ts";

/** Fails unless reading `bytes` succeeds or throws PROTOCOL_ERROR. */
function assertHarmless(bytes: Uint8Array): void {
  try {
    readPlain(bytes);
  } catch (thrown) {
    if (!(thrown instanceof MyelinError) || thrown.code !== "PROTOCOL_ERROR") throw thrown;
  }
}

test("arbitrary bytes are read or refused with PROTOCOL_ERROR", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), assertHarmless), { numRuns: 5_000 });
});

test("arbitrary fields are read or refused with PROTOCOL_ERROR", () => {
  fc.assert(
    fc.property(fields(3), (content) => assertHarmless(content)),
    { numRuns: 5_000 },
  );
});

test("frames that were cut, damaged or spliced are read or refused with PROTOCOL_ERROR", () => {
  const damage = fc.record({ at: fc.nat(), byte: fc.nat(255), isCut: fc.boolean() });
  fc.assert(
    fc.property(frame, fc.array(damage, { minLength: 1, maxLength: 3 }), (plain, damages) => {
      let bytes = writeGenerated(plain);
      for (const { at, byte, isCut } of damages) {
        const place = bytes.length === 0 ? 0 : at % bytes.length;
        if (isCut) bytes = bytes.slice(0, place);
        else if (place < bytes.length) bytes[place] = byte;
      }
      assertHarmless(bytes);
      assertHarmless(Buffer.concat([bytes, writePlain(plain)]));
    }),
    { numRuns: 3_000 },
  );
});

/** Well-formed fields with small numbers and any content, nested up to `depth`. */
function fields(depth: number): fc.Arbitrary<Uint8Array> {
  const number = fc.integer({ min: 1, max: 16 });
  const leaf = fc.oneof(
    fc.tuple(number, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map(([no, value]) => {
      return new BinaryWriter().tag(no, WireType.Varint).uint64(value).finish();
    }),
    fc.tuple(number, fc.double()).map(([no, value]) => {
      return new BinaryWriter().tag(no, WireType.Bit64).double(value).finish();
    }),
    fc.tuple(number, fc.uint8Array({ maxLength: 20 })).map(([no, value]) => {
      return new BinaryWriter().tag(no, WireType.LengthDelimited).bytes(value).finish();
    }),
  );
  const inner =
    depth === 0
      ? []
      : [
          fc.tuple(number, fields(depth - 1)).map(([no, value]) => {
            return new BinaryWriter().tag(no, WireType.LengthDelimited).bytes(value).finish();
          }),
        ];
  return fc
    .array(fc.oneof(leaf, ...inner, ...inner), { maxLength: 6 })
    .map((parts) => Uint8Array.from(Buffer.concat(parts)));
}

/** A frame with one operation of the given kind. */
function operationOf(kind: number, write: (writer: BinaryWriter) => unknown): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).fork();
  writer.tag(kind, WireType.LengthDelimited).fork();
  write(writer);
  return writer.join().join().finish();
}

const samples = (write: (writer: BinaryWriter) => unknown): Uint8Array => operationOf(5, write);
const values = (writer: BinaryWriter, ...numbers: number[]): BinaryWriter => {
  writer.tag(4, WireType.LengthDelimited).fork();
  for (const number of numbers) writer.double(number);
  return writer.join();
};
const varints = (writer: BinaryWriter, field: number, ...numbers: number[]): BinaryWriter => {
  writer.tag(field, WireType.LengthDelimited).fork();
  for (const number of numbers) writer.uint64(number);
  return writer.join();
};

const malformed: Readonly<Record<string, [RegExp, Uint8Array]>> = {
  "a metric id of 0": [/samples\.metrics/, samples((w) => values(varints(w, 3, 0), 1))],
  "a metric id of 0 among others": [
    /samples\.metrics/,
    samples((w) => values(varints(w, 3, 1, 0, 500), 1, 2, 3)),
  ],
  "a metric id beyond 32 bits": [
    /samples\.metrics/,
    samples((w) => values(varints(w, 3, 2 ** 32), 1)),
  ],
  "values without metrics": [/samples\.metrics/, samples((w) => values(w, 1, 2))],
  "metrics without values": [/samples\.metrics/, samples((w) => varints(w, 3, 1))],
  "fewer metrics than values": [
    /samples\.metrics/,
    samples((w) => values(varints(w, 3, 1, 2), 1, 2, 3)),
  ],
  "more metrics than values": [
    /samples\.metrics/,
    samples((w) => values(varints(w, 3, 1, 2, 3), 1, 2)),
  ],
  "fewer times than values": [
    /samples\.time_offsets_us/,
    samples((w) => varints(values(varints(w, 3, 1), 1, 2), 5, 7)),
  ],
  "more times than values": [
    /samples\.time_offsets_us/,
    samples((w) => varints(values(varints(w, 3, 1), 1, 2), 5, 7, 8, 9)),
  ],
  "times that decrease": [
    /samples\.time_offsets_us/,
    samples((w) => varints(values(varints(w, 3, 1), 1, 2), 5, 9, 8)),
  ],
  "times beyond the safe integers": [
    /samples\.time_offsets_us/,
    samples((w) => {
      w.tag(2, WireType.Bit64).double(2 ** 53 - 1);
      varints(values(varints(w, 3, 1), 1, 2), 5, 0, 1);
    }),
  ],
  "a base time that is not finite": [
    /samples\.base_time_us/,
    samples((w) => w.tag(2, WireType.Bit64).double(Number.NaN)),
  ],
  "a broken double": [
    /samples\.values/,
    samples((w) => w.tag(4, WireType.LengthDelimited).bytes(new Uint8Array(9))),
  ],
  "a column of a wrong type": [
    /samples\.values/,
    samples((w) => w.tag(4, WireType.Varint).uint32(1)),
  ],
  "a metric declared as 0": [
    /samples\.names\.id/,
    samples((w) => w.tag(1, WireType.LengthDelimited).bytes(new Uint8Array(0))),
  ],
  "a status that is not known": [
    /acknowledgement\.status/,
    operationOf(9, (w) => w.tag(2, WireType.Varint).uint32(99)),
  ],
  "no status": [/acknowledgement\.status/, operationOf(9, () => undefined)],
  "a part's state that is not known": [
    /part_state\.state/,
    operationOf(13, (w) => w.tag(2, WireType.Varint).uint32(4)),
  ],
  "a time that is not finite": [
    /pong\.received_at_us/,
    operationOf(4, (w) => w.tag(2, WireType.Bit64).double(Number.POSITIVE_INFINITY)),
  ],
  "a string that is not UTF-8": [
    /instruction\.id/,
    operationOf(8, (w) => w.tag(1, WireType.LengthDelimited).bytes(Uint8Array.of(0xc3, 0x28))),
  ],
  "a long string that is not UTF-8": [
    /instruction\.id/,
    operationOf(8, (w) => w.tag(1, WireType.LengthDelimited).bytes(new Uint8Array(99).fill(0xff))),
  ],
  "a string that ends after its message": [
    /ping\.time_line/,
    operationOf(3, (w) => w.tag(2, WireType.LengthDelimited).uint32(5)),
  ],
  "a number of 11 bytes": [
    /pong\.telemetry_sequence/,
    operationOf(4, (w) =>
      w.tag(4, WireType.Varint).raw(new Uint8Array(10).fill(0xff)).raw(Uint8Array.of(1)),
    ),
  ],
  "a number beyond 2^53": [
    /pong\.telemetry_sequence/,
    operationOf(4, (w) => w.tag(4, WireType.Varint).uint64(2n ** 53n)),
  ],
  "a field with number 0": [/a tag/, operationOf(3, (w) => w.raw(Uint8Array.of(2)))],
  "a wire type that does not exist": [/ping/, operationOf(3, (w) => w.raw(Uint8Array.of(0x57)))],
  "a group that does not end": [/ping/, operationOf(3, (w) => w.tag(9, WireType.StartGroup))],
  "a group that another ends": [
    /ping/,
    operationOf(3, (w) => w.tag(9, WireType.StartGroup).tag(8, WireType.EndGroup)),
  ],
  "a group's end without its start": [/ping/, operationOf(3, (w) => w.tag(9, WireType.EndGroup))],
  "groups nested without end": [
    /ping/,
    operationOf(3, (w) => w.raw(new Uint8Array(100_000).fill((9 << 3) | WireType.StartGroup))),
  ],
  "an operation longer than the frame": [/operations/, Uint8Array.of(0x0a, 5, 0)],
  "an operation that is a number": [/operations/, Uint8Array.of(0x08, 5)],
  "a header time that is not finite": [
    /frame\.sent_at_us/,
    new BinaryWriter().tag(2, WireType.Bit64).double(Number.NaN).finish(),
  ],
};

test("what is malformed is refused by an error that names the field", () => {
  for (const [what, [field, bytes]] of Object.entries(malformed)) {
    assert.throws(() => readPlain(bytes), { code: "PROTOCOL_ERROR", message: field }, what);
  }
});

test("columns that claim more than the values there are allocate nothing for it", () => {
  const bytes = samples((w) => {
    values(w, 1);
    w.tag(3, WireType.LengthDelimited).bytes(new Uint8Array(1 << 20).fill(1));
  });
  assert.throws(() => readFrame(bytes, { onSamples: () => undefined }), { code: "PROTOCOL_ERROR" });
  let capacity = 0;
  readFrame(
    samples((w) => values(varints(w, 3, 1), 1)),
    {
      onSamples: ({ metrics, timesUs }) => {
        capacity = Math.max(metrics.length, timesUs.length);
      },
    },
  );
  assert.ok(capacity < 1 << 17);
});

test("columns in very many pieces are read in time that grows with their size", () => {
  const bytes = samples((w) => {
    for (let index = 0; index < 100_000; index++) w.tag(4, WireType.Bit64).double(index);
    varints(w, 3, 1);
  });
  let count = 0;
  readFrame(bytes, {
    onSamples: (columns) => {
      count = columns.count;
    },
  });
  assert.equal(count, 100_000);
});

test("values are nested to the depth that is documented, and not beyond", () => {
  const nest = (depth: number): Uint8Array =>
    operationOf(9, (w) => {
      w.tag(2, WireType.Varint).uint32(2);
      w.tag(3, WireType.LengthDelimited).fork();
      for (let level = 0; level < depth; level++) {
        w.tag(6, WireType.LengthDelimited).fork();
        w.tag(1, WireType.LengthDelimited).fork();
      }
      for (let level = 0; level < depth; level++) w.join().join();
      w.join();
    });
  assert.equal(readPlain(nest(32)).operations.length, 1);
  assert.throws(() => readPlain(nest(33)), { code: "PROTOCOL_ERROR", message: /result/ });
  assert.throws(() => readPlain(nest(5_000)), { code: "PROTOCOL_ERROR", message: /result/ });
});
