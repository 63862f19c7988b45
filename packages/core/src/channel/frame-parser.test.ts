import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameParser, prefixed, writePrefix } from "./frame-parser.ts";

function streamOf(frames: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(frames.map(prefixed)));
}

test("whatever the cuts of the stream, the frames come out whole and in order", () => {
  const frame = fc.uint8Array({ maxLength: 3000 });
  const cuts = fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), cuts, (frames, sizes) => {
      const got: Uint8Array[] = [];
      const parser = new FrameParser(3000, (one) => got.push(one));
      const stream = streamOf(frames);
      let at = 0;
      for (const size of [...sizes, stream.length]) {
        assert.equal(parser.push(stream.subarray(at, at + size)), undefined);
        at = Math.min(at + size, stream.length);
      }
      assert.ok(parser.isBetweenFrames);
      assert.deepEqual(
        got.map((one) => [...one]),
        frames.map((one) => [...one]),
      );
    }),
  );
});

test("a prefix is a length in four bytes, big-endian", () => {
  const bytes = new Uint8Array(5);
  writePrefix(bytes, 0x01_02_03_f4);
  assert.deepEqual([...bytes], [1, 2, 3, 0xf4, 0]);
  writePrefix(bytes, 2 ** 32 - 1);
  assert.deepEqual([...bytes], [255, 255, 255, 255, 0]);
});

test("every buffer that was taken goes back, once its frame is handed on or will not be", () => {
  const taken = new Set<Uint8Array>();
  const buffers = {
    take: (sizeBytes: number) => {
      const buffer = new Uint8Array(sizeBytes + 3);
      taken.add(buffer);
      return buffer;
    },
    give: (buffer: Uint8Array) => assert.ok(taken.delete(buffer)),
  };
  const sizes: number[] = [];
  const parser = new FrameParser(9000, (frame) => sizes.push(frame.length), buffers);
  const whole = streamOf([new Uint8Array(9000), new Uint8Array(10), new Uint8Array(2000)]);
  const stream = whole.subarray(0, -100);
  for (let at = 0; at < stream.length; at += 700) {
    parser.push(stream.subarray(at, at + 700));
    assert.ok(taken.size <= 1);
  }
  assert.deepEqual(sizes, [9000, 10]);
  assert.equal(taken.size, 1);
  parser.stop();
  assert.equal(taken.size, 0);
});

test("a stream that stops within a prefix or a frame is not between frames", () => {
  const parser = new FrameParser(100, () => {});
  parser.push(Uint8Array.of(0, 0));
  assert.equal(parser.isBetweenFrames, false);
  parser.push(Uint8Array.of(0, 2, 7));
  assert.equal(parser.isBetweenFrames, false);
  parser.push(Uint8Array.of(8));
  assert.equal(parser.isBetweenFrames, true);
});

test("a length above the limit stops the parser, and the frames before it were handed on", () => {
  const got: number[] = [];
  const parser = new FrameParser(10, (frame) => got.push(frame.length));
  const stream = Buffer.concat([
    streamOf([Uint8Array.of(1, 2)]),
    Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]),
  ]);
  assert.equal(parser.push(stream), 2 ** 32 - 1);
  assert.deepEqual(got, [2]);
  assert.equal(parser.push(streamOf([Uint8Array.of(3)])), undefined);
  assert.deepEqual(got, [2]);
});

test("a hostile length allocates no more than twice what has come", () => {
  const before = process.memoryUsage().arrayBuffers;
  const parsers: FrameParser[] = [];
  for (let one = 0; one < 100; one++) {
    const parser = new FrameParser(2 ** 30, () => {});
    parser.push(Uint8Array.of(0x3f, 0xff, 0xff, 0xff, 1, 2, 3));
    parsers.push(parser);
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 10 * 2 ** 20);
  assert.equal(parsers.length, 100);
});

test("a parser stopped by its owner hands on nothing more of the chunk", () => {
  const got: number[] = [];
  const parser = new FrameParser(10, (frame) => {
    got.push(frame.length);
    parser.stop();
  });
  parser.push(streamOf([Uint8Array.of(1), Uint8Array.of(2, 3)]));
  assert.deepEqual(got, [1]);
});
