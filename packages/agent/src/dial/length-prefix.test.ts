import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameSplitter, prefixed } from "./length-prefix.ts";

test("frames come out whole and in order, whatever pieces the stream comes in", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 30 }),
      (frames, cuts) => {
        const stream = Uint8Array.from(frames.flatMap((frame) => [...prefixed(frame)]));
        const seen: Uint8Array[] = [];
        const splitter = new FrameSplitter(300, (frame) => seen.push(frame));
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          if (at < stream.length) splitter.push(stream.slice(at, at + cut));
          at += cut;
        }
        assert.deepEqual(
          seen.map((frame) => [...frame]),
          frames.map((frame) => [...frame]),
        );
      },
    ),
  );
});

test("a length above the bound is refused before its bytes come", () => {
  const splitter = new FrameSplitter(100, () => {});
  assert.throws(() => splitter.push(Uint8Array.of(0xff, 0, 0, 0)), { code: "PAYLOAD_TOO_LARGE" });
});
