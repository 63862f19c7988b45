import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FewMap } from "./index.ts";

const key = fc.constantFrom("a", "b", "c", "d");
const step = fc.oneof(
  fc.record({ act: fc.constant("set" as const), key, value: fc.nat(9) }),
  fc.record({ act: fc.constant("delete" as const), key, value: fc.constant(0) }),
);

test("a map of few entries is as a Map, whatever comes and goes", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const few = new FewMap<string, number>();
      const map = new Map<string, number>();
      for (const { act, key: name, value } of steps) {
        if (act === "delete") assert.equal(few.delete(name), map.delete(name));
        else {
          few.set(name, value);
          map.set(name, value);
        }
        assert.equal(few.size, map.size);
        assert.deepEqual([...few], [...map]);
        assert.deepEqual([...few.keys()], [...map.keys()]);
        assert.deepEqual([...few.values()], [...map.values()]);
        for (const asked of ["a", "b", "c", "d"]) {
          assert.equal(few.has(asked), map.has(asked));
          assert.equal(few.get(asked), map.get(asked));
        }
      }
    }),
  );
});
