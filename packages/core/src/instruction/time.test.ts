import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTime } from "./index.ts";

test("a time is read to the microsecond", () => {
  assert.equal(parseTime("1970-01-01T00:00:01Z"), 1_000_000);
  assert.equal(parseTime("1970-01-01T00:00:01.5Z"), 1_500_000);
  assert.equal(parseTime("2026-11-21T09:30:00.250Z"), Date.UTC(2026, 10, 21, 9, 30, 0, 250) * 1000);
  assert.equal(parseTime("1970-01-01T00:00:00.123456789Z"), 123_456);
});

test("what is no time in UTC is refused", () => {
  for (const text of [
    "",
    "now",
    "2026-11-21",
    "2026-11-21T09:30:00",
    "2026-13-41T09:30:00Z",
    "1e3",
  ]) {
    assert.throws(() => parseTime(text), { code: "INVALID_ARGUMENT" }, text);
  }
});
