import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatTime, parseTime } from "./index.ts";

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

test("what is written is read again, to the microsecond, wherever in time and in whatever order", () => {
  const times = fc.oneof(fc.integer({ min: -9e15, max: 9e15 }), fc.integer({ min: 0, max: 99e6 }));
  fc.assert(
    fc.property(fc.array(times), (list) => {
      for (const timeUs of list) {
        const text = formatTime(timeUs + 0.4);
        assert.equal(parseTime(text), timeUs);
        assert.equal(`${text.slice(0, 23)}Z`, new Date(Math.floor(timeUs / 1e3)).toISOString());
      }
    }),
  );
});
