import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { WaitingFrames } from "./waiting-frames.ts";

const { POSITIVE_INFINITY: all } = Number;

describe("frames whose samples wait", () => {
  test("are confirmed in their order, up to the first of which something waits", () => {
    const frames = new WaitingFrames();
    for (const sequence of [1, 2, 3]) frames.add(sequence, 10 * sequence);
    assert.equal(frames.confirmed(3, 9), 0);
    assert.equal(frames.confirmed(3, 20), 2);
    assert.equal(frames.confirmed(3, 20), 2);
    assert.equal(frames.confirmed(5, all), 5);
  });

  test("are bounded: beyond, those that come are confirmed together with the one before", () => {
    const frames = new WaitingFrames();
    for (let sequence = 1; sequence <= 2_000; sequence += 1) frames.add(sequence, sequence);
    assert.equal(frames.confirmed(2_000, 1_023), 1_023);
    assert.equal(frames.confirmed(2_000, 1_999), 1_023);
    assert.equal(frames.confirmed(2_000, 2_000), 2_000);
  });
});
