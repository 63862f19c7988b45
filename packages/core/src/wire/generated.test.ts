import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  frame,
  operation,
  readGenerated,
  readPlain,
  writeGenerated,
  writePlain,
} from "./test-support.ts";

test("what the generated code writes is read alike", () => {
  fc.assert(
    fc.property(frame, (plain) => {
      assert.deepEqual(readPlain(writeGenerated(plain)), plain);
    }),
    { numRuns: 1_000 },
  );
});

test("what is written is read alike by the generated code", () => {
  fc.assert(
    fc.property(frame, (plain) => {
      assert.deepEqual(readGenerated(writePlain(plain)), plain);
    }),
    { numRuns: 1_000 },
  );
});

test("every kind of operation comes up in these properties", () => {
  const kinds = new Set(fc.sample(operation, 500).map(({ kind }) => kind));
  assert.equal(kinds.size, 15);
});

test("frames that are joined are one frame with the operations of both", () => {
  fc.assert(
    fc.property(frame, frame, (first, second) => {
      const joined = Buffer.concat([writePlain(first), writeGenerated(second)]);
      const { operations } = readPlain(joined);
      assert.deepEqual(operations, [...first.operations, ...second.operations]);
      assert.deepEqual(readGenerated(joined).operations, operations);
    }),
  );
});
