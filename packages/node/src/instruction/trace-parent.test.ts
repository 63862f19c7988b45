import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTraceParent } from "./index.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";

test("a traceparent is read, one of a later version too", () => {
  assert.deepEqual(parseTraceParent(`00-${traceId}-${spanId}-01`), {
    traceId,
    spanId,
    traceFlags: 1,
  });
  assert.equal(parseTraceParent(`00-${traceId}-${spanId}-00`)?.traceFlags, 0);
  assert.equal(parseTraceParent(`01-${traceId}-${spanId}-03-more`)?.traceFlags, 1);
});

test("what is none is passed over", () => {
  const none = [
    undefined,
    "",
    "00",
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
  ];
  for (const header of none) assert.equal(parseTraceParent(header), undefined, String(header));
});
