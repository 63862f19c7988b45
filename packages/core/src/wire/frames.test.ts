import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import type { JsonObject } from "../json/index.ts";
import { type FrameVisitor, FrameWriter, type OutgoingSamples, readFrame } from "./index.ts";
import {
  frame,
  jsonValue,
  type PlainSamples,
  readGenerated,
  readPlain,
  writePlain,
} from "./test-support.ts";

const ping = { sentAtUs: 1, timeLine: "a-0" };

function frameOf(write: (writer: FrameWriter) => void): Uint8Array {
  const writer = new FrameWriter();
  write(writer);
  return writer.take();
}

/** Reads the one Samples operation of a frame. */
function samplesOf(bytes: Uint8Array): PlainSamples {
  const [only, ...others] = readPlain(bytes).operations;
  assert.equal(others.length, 0);
  assert.ok(only?.kind === "samples");
  return only.value;
}

/** A frame with one Samples operation, written field by field. */
function samplesFrame(...writes: ((writer: BinaryWriter) => unknown)[]): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).fork();
  for (const write of writes) {
    writer.tag(5, WireType.LengthDelimited).fork();
    write(writer);
    writer.join();
  }
  return writer.join().finish();
}

test("an empty frame has a header and nothing else", () => {
  const calls: unknown[] = [];
  readFrame(new Uint8Array(0), { onHeader: (...header) => calls.push(header) });
  assert.deepEqual(calls, [[Number.NaN, 0]]);
});

test("the header is told first, wherever it stands", () => {
  const calls: string[] = [];
  const visitor: FrameVisitor = {
    onHeader: (sentAtUs, sequence) => calls.push(`header ${sentAtUs} ${sequence}`),
    onPing: () => calls.push("ping"),
  };
  const header = new BinaryWriter()
    .tag(2, WireType.Bit64)
    .double(5.5)
    .tag(3, WireType.Varint)
    .uint32(9)
    .finish();
  const operations = frameOf((writer) => writer.ping(ping));
  readFrame(Buffer.concat([header, operations]), visitor);
  readFrame(Buffer.concat([operations, header]), visitor);
  assert.deepEqual(calls, ["header 5.5 9", "ping", "header 5.5 9", "ping"]);
});

test("fields and operations that are not known are passed over", () => {
  const writer = new BinaryWriter();
  writer
    .tag(9, WireType.StartGroup)
    .tag(7, WireType.StartGroup)
    .tag(7, WireType.EndGroup)
    .tag(9, WireType.EndGroup);
  writer.tag(100, WireType.LengthDelimited).string("later").tag(17, WireType.Bit32).fixed32(5);
  writer
    .tag(1, WireType.LengthDelimited)
    .fork()
    .tag(1000, WireType.LengthDelimited)
    .string("a new kind")
    .join();
  writer.tag(1, WireType.LengthDelimited).fork();
  writer.tag(16, WireType.Varint).uint64(2n ** 64n - 1n);
  writer.tag(3, WireType.LengthDelimited).fork();
  writer.tag(30, WireType.Bit64).double(3).tag(2, WireType.LengthDelimited).string("a-0");
  writer.join().join();
  assert.deepEqual(readPlain(writer.finish()).operations, [
    { kind: "ping", value: { sentAtUs: 0, timeLine: "a-0" } },
  ]);
});

test("operations that nobody listens for are passed over unread", () => {
  readFrame(
    frameOf((writer) => writer.ping(ping)),
    {},
  );
});

test("of several kinds in one operation the last counts, and repeats of it merge", () => {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).fork();
  writer.tag(3, WireType.LengthDelimited).fork().tag(1, WireType.Bit64).double(1).join();
  writer.tag(4, WireType.LengthDelimited).fork().tag(1, WireType.Bit64).double(1).join();
  writer.tag(4, WireType.LengthDelimited).fork().tag(2, WireType.Bit64).double(2).join();
  const bytes = writer.join().finish();
  const value = { pingSentAtUs: 1, receivedAtUs: 2, sentAtUs: 0, telemetrySequence: 0 };
  assert.deepEqual(readPlain(bytes).operations, [{ kind: "pong", value }]);
  assert.deepEqual(readGenerated(bytes).operations, [{ kind: "pong", value }]);
});

test("columns may come unpacked, in pieces and in any order", () => {
  const piece =
    (field: number, ...numbers: number[]) =>
    (writer: BinaryWriter): void => {
      writer.tag(field, WireType.LengthDelimited).fork();
      for (const number of numbers) {
        if (field === 4) writer.double(number);
        else writer.uint64(number);
      }
      writer.join();
    };
  const single =
    (field: number, number: number) =>
    (writer: BinaryWriter): void => {
      if (field === 4) writer.tag(field, WireType.Bit64).double(number);
      else writer.tag(field, WireType.Varint).uint64(number);
    };
  const expected: PlainSamples = {
    names: [],
    metrics: [1, 300, 2],
    values: [0.5, Number.NaN, -7],
    timesUs: [0, 300, 2 ** 40],
  };
  const forms = [
    [piece(3, 1, 300, 2), piece(4, 0.5, Number.NaN, -7), piece(5, 0, 300, 2 ** 40)],
    [piece(5, 0, 300, 2 ** 40), piece(4, 0.5, Number.NaN, -7), piece(3, 1, 300, 2)],
    [
      piece(3, 1),
      piece(4, 0.5, Number.NaN),
      piece(5, 0),
      piece(3),
      piece(3, 300, 2),
      piece(4, -7),
      piece(5, 300, 2 ** 40),
    ],
    [
      single(3, 1),
      piece(3, 300, 2),
      piece(4, 0.5),
      single(4, Number.NaN),
      single(4, -7),
      single(5, 0),
      single(5, 300),
      piece(5, 2 ** 40),
    ],
  ];
  for (const form of forms) {
    const inOne = samplesFrame((writer) => {
      for (const write of form) write(writer);
    });
    const merged = samplesFrame(...form);
    for (const bytes of [inOne, merged]) {
      assert.deepEqual(samplesOf(bytes), expected);
      assert.deepEqual(readGenerated(bytes).operations[0]?.value, expected);
    }
  }
});

test("a metric that stands alone is that of all samples, and no times mean one instant", () => {
  const bytes = frameOf((writer) =>
    writer.samples({
      names: [],
      baseTimeUs: 7,
      metrics: [300, 300, 300],
      values: Float64Array.of(1, 2, 3),
      offsetsUs: undefined,
      count: 3,
    }),
  );
  const instants: boolean[] = [];
  readFrame(bytes, { onSamples: ({ isOneInstant }) => instants.push(isOneInstant) });
  assert.deepEqual(instants, [true]);
  assert.deepEqual(samplesOf(bytes).metrics, [300, 300, 300]);
  assert.deepEqual(samplesOf(bytes).timesUs, [7, 7, 7]);
  // Operation, samples, base time, one metric of two bytes, values.
  assert.equal(bytes.length, 2 + 2 + 9 + 4 + 2 + 24);
});

test("numbers that take more bytes than they need are read", () => {
  const bytes = samplesFrame((writer) => {
    writer.tag(3, WireType.LengthDelimited).bytes(Uint8Array.of(0x81, 0x80, 0x80, 0x80, 0x00));
    writer.tag(4, WireType.LengthDelimited).bytes(new Uint8Array(8));
  });
  assert.deepEqual(samplesOf(bytes).metrics, [1]);
});

test("bytes may lie anywhere in a larger buffer", () => {
  fc.assert(
    fc.property(frame, fc.nat(9), (plain, before) => {
      const bytes = writePlain(plain);
      const larger = Buffer.alloc(before + bytes.length + 5, 0xff);
      larger.set(bytes, before);
      assert.deepEqual(readPlain(larger.subarray(before, before + bytes.length)), plain);
    }),
    { numRuns: 200 },
  );
});

test("what a visitor throws passes through, and a visitor may read another frame", () => {
  const oneSample: OutgoingSamples = {
    names: [],
    baseTimeUs: 0,
    metrics: [1],
    values: Float64Array.of(1),
    offsetsUs: undefined,
    count: 1,
  };
  const bytes = frameOf((writer) => writer.samples(oneSample));
  const other = frameOf((writer) => writer.samples({ ...oneSample, values: Float64Array.of(2) }));
  const seen: (number | undefined)[] = [];
  readFrame(bytes, {
    onSamples: (outer) => {
      readFrame(other, { onSamples: (inner) => seen.push(inner.values[0]) });
      seen.push(outer.values[0]);
    },
  });
  assert.deepEqual(seen, [2, 1]);
  const failure = new Error("mine");
  assert.throws(
    () =>
      readFrame(bytes, {
        onSamples: () => {
          throw failure;
        },
      }),
    failure,
  );
  assert.equal(samplesOf(bytes).values[0], 1);
});

test("a key named like an object's own machinery is a key like any other", () => {
  const text = `{"__proto__": {"a": 1}, "constructor": 2, "toString": {"__proto__": 3}}`;
  const attributes = JSON.parse(text) as JsonObject;
  const bytes = frameOf((writer) => writer.event({ type: "x", attributes, timeUs: 0 }));
  const [event] = readPlain(bytes).operations;
  assert.ok(event?.kind === "event");
  assert.equal(JSON.stringify(event.value.attributes), JSON.stringify(attributes));
  assert.equal(Object.getPrototypeOf(event.value.attributes), Object.prototype);
  assert.equal(({} as { a?: number }).a, undefined);
});

test("any JSON value survives as it survives JSON", () => {
  fc.assert(
    fc.property(jsonValue, (value) => {
      const bytes = frameOf((writer) =>
        writer.event({ type: "x", attributes: { value }, timeUs: 0 }),
      );
      const [event] = readPlain(bytes).operations;
      assert.ok(event?.kind === "event");
      assert.deepEqual(event.value.attributes, { value });
    }),
  );
});

test("what JSON cannot say becomes what JSON makes of it", () => {
  const attributes = {
    number: Number.NaN,
    endless: Number.POSITIVE_INFINITY,
    list: [undefined, Number.NEGATIVE_INFINITY],
    absent: undefined,
    date: new Date(0),
  } as unknown as JsonObject;
  const bytes = frameOf((writer) => writer.event({ type: "x", attributes, timeUs: 0 }));
  const [event] = readPlain(bytes).operations;
  assert.ok(event?.kind === "event");
  assert.deepEqual(event.value.attributes, JSON.parse(JSON.stringify(attributes)));
});

test("a message that cannot be written is refused and leaves the frame as it was", () => {
  const endless: { self?: unknown } = {};
  endless.self = endless;
  const event = { type: "x", attributes: {}, timeUs: 0 };
  const samples = {
    names: [],
    baseTimeUs: 0,
    metrics: [1],
    values: Float64Array.of(1, 2),
    offsetsUs: undefined,
    count: 2,
  };
  const refused: ((writer: FrameWriter) => void)[] = [
    (writer) => writer.event({ ...event, attributes: endless as JsonObject }),
    (writer) => writer.event({ ...event, attributes: { big: 1n } as unknown as JsonObject }),
    (writer) => writer.event({ ...event, timeUs: Number.NaN }),
    (writer) =>
      writer.pong({ pingSentAtUs: 0, receivedAtUs: 0, sentAtUs: 0, telemetrySequence: -1 }),
    (writer) =>
      writer.pong({
        pingSentAtUs: 0,
        receivedAtUs: 0,
        sentAtUs: 0,
        telemetrySequence: Number.POSITIVE_INFINITY,
      }),
    (writer) => writer.samples({ ...samples, metrics: [0, 0] }),
    (writer) => writer.samples({ ...samples, metrics: [1, 2 ** 32] }),
    (writer) => writer.samples({ ...samples, metrics: [1, 1], offsetsUs: [2, 1] }),
    (writer) => writer.samples({ ...samples, metrics: [1, 1], offsetsUs: [0, Number.NaN] }),
  ];
  for (const write of refused) {
    const writer = new FrameWriter();
    writer.ping(ping);
    const before = writer.sizeBytes;
    assert.throws(() => write(writer), { code: "INVALID_ARGUMENT" }, write.toString());
    assert.equal(writer.sizeBytes, before);
    assert.deepEqual(readPlain(writer.take()).operations, [{ kind: "ping", value: ping }]);
  }
});

test("a writer tells the size of its frame, and is empty after it was taken", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 30 }), fc.nat(3_000), (frames, textBytes) => {
      const writer = new FrameWriter();
      const taken: Uint8Array[] = [];
      for (const { sentAtUs, telemetrySequence } of frames) {
        assert.equal(writer.isEmpty, true);
        writer.header(sentAtUs, telemetrySequence);
        writer.ping({ sentAtUs: 1, timeLine: "x".repeat(textBytes) });
        assert.equal(writer.isEmpty, false);
        const { sizeBytes } = writer;
        taken.push(writer.take());
        assert.equal(taken.at(-1)?.length, sizeBytes);
        assert.equal(writer.sizeBytes, 0);
      }
      // Later frames have not overwritten earlier ones.
      const read = taken.map((bytes) => readPlain(bytes));
      assert.deepEqual(
        read.map(({ sentAtUs, telemetrySequence }) => ({ sentAtUs, telemetrySequence })),
        frames.map(({ sentAtUs, telemetrySequence }) => ({ sentAtUs, telemetrySequence })),
      );
    }),
  );
});

test("messages of every length are written with the right lengths", () => {
  for (const length of [
    0, 1, 60, 61, 64, 65, 120, 126, 127, 128, 129, 130, 16_380, 16_384, 70_000,
  ]) {
    for (const letter of ["x", "é", "語"]) {
      const message = letter.repeat(length);
      const bytes = frameOf((writer) => {
        writer.goodbye({ code: "", message, canResume: true, isFinal: false });
        writer.event({ type: "x", attributes: { message: [message] }, timeUs: 0 });
      });
      const [goodbye, event] = readPlain(bytes).operations;
      assert.ok(goodbye?.kind === "goodbye" && event?.kind === "event");
      assert.equal(goodbye.value.message, message);
      assert.deepEqual(event.value.attributes, { message: [message] });
      assert.deepEqual(readGenerated(bytes), readPlain(bytes));
    }
  }
});
