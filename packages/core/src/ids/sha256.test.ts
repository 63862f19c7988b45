import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { longestText, sha256Words } from "./sha256.ts";

test("the hash of any ASCII text is that of the library, whatever was hashed before", () => {
  const lengths = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.constantFrom(55, 56, 63, 64, 119, 120, longestText),
  );
  const text = lengths.chain((length) =>
    fc.string({ unit: "binary-ascii", minLength: length, maxLength: length }),
  );
  fc.assert(
    fc.property(text, (message) => {
      const bytes = new Uint8Array(32);
      const view = new DataView(bytes.buffer);
      sha256Words(message).forEach((word, at) => view.setInt32(at * 4, word));
      assert.deepEqual(bytes, sha256(new TextEncoder().encode(message)));
    }),
    { numRuns: 500 },
  );
});
