import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "./index.ts";

test("durations are pairs of number and unit", () => {
  const durations: Readonly<Record<string, number>> = {
    "250us": 250,
    "10ms": 10_000,
    "1.5s": 1_500_000,
    "2m": 120e6,
    "1h30m": 5_400e6,
    "1d": 86_400e6,
    "1m30s500ms": 90_500_000,
    "0s": 0,
    "0.4us": 0,
  };
  for (const [text, durationUs] of Object.entries(durations)) {
    assert.equal(parseDuration(text), durationUs, text);
  }
});

test("anything else is refused, with a hint", () => {
  for (const text of [
    "",
    "5",
    "s",
    "-5s",
    "5 s",
    "5S",
    "1e3s",
    ".5s",
    "5.s",
    "5s,",
    "٣s",
    "300000d",
    `${"1s".repeat(40)}`,
    `${"9".repeat(60)}d`,
  ]) {
    assert.throws(() => parseDuration(text), { code: "INVALID_ARGUMENT" }, text);
  }
  assert.throws(() => parseDuration(undefined as unknown as string), { code: "INVALID_ARGUMENT" });
});

test("a duration that is written is read as the same", () => {
  const duration = fc.oneof(
    fc.nat(2 ** 31 - 1),
    fc.maxSafeNat(),
    fc.nat(10_000).map((amount) => amount * 60e6),
  );
  fc.assert(
    fc.property(duration, (durationUs) => {
      assert.equal(parseDuration(formatDuration(durationUs)), durationUs);
    }),
  );
});

test("durations are written in the largest unit that is exact", () => {
  assert.equal(formatDuration(0), "0s");
  assert.equal(formatDuration(1_500_000), "1500ms");
  assert.equal(formatDuration(120e6), "2m");
  assert.equal(formatDuration(7_200e6), "2h");
  assert.equal(formatDuration(1), "1us");
});
