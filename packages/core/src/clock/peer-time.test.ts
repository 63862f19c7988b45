import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ClockOffset, PeerTime, VirtualClock } from "./index.ts";

const startUs = 1_700_000_000_000_000;

/** Tells `offset` that the peer is ahead by `offsetUs`, by an exchange without delay. */
function tell(offset: ClockOffset, offsetUs: number, nowUs: number): boolean {
  const thereUs = nowUs + offsetUs;
  return offset.addExchange({
    sentUs: nowUs,
    receivedUs: thereUs,
    answeredUs: thereUs,
    arrivedUs: nowUs,
  });
}

test("the first use takes the estimate as it is, in whole microseconds", () => {
  const offset = new ClockOffset();
  const time = new PeerTime(offset);
  time.observe(startUs + 700.4, startUs);
  assert.equal(time.toLocalOffsetUs(startUs), -700);
});

test("a peer of which nothing is known is taken to have our clock", () => {
  assert.equal(new PeerTime(new ClockOffset()).toLocalOffsetUs(startUs), 0);
});

test("a better estimate is followed by 500 millionths of the time that passes", () => {
  const offset = new ClockOffset();
  const time = new PeerTime(offset);
  tell(offset, 10_000, startUs);
  assert.equal(time.toLocalOffsetUs(startUs), -10_000);
  tell(offset, 12_000, startUs + 1);
  assert.equal(time.toLocalOffsetUs(startUs + 1e6), -10_500);
  assert.equal(time.toLocalOffsetUs(startUs + 2e6), -11_000);
  assert.equal(time.toLocalOffsetUs(startUs + 9e6), -12_000);
  tell(offset, 11_900, startUs + 9e6);
  assert.equal(time.toLocalOffsetUs(startUs + 9.1e6), -11_950);
});

test("the first whole exchange is taken at once, as far as no instant goes back", () => {
  for (const [firstUs, shiftUs] of [
    [startUs + 9_000, -3_000],
    [startUs + 1_000, -1_000],
  ] as const) {
    const offset = new ClockOffset();
    const time = new PeerTime(offset);
    time.observe(startUs, startUs);
    assert.equal(time.toLocalOffsetUs(startUs, startUs, startUs), 0);
    tell(offset, 3_000, startUs);
    assert.equal(time.toLocalOffsetUs(startUs, firstUs, firstUs), shiftUs);
    assert.equal(time.toLocalOffsetUs(startUs, startUs + 9_000, startUs + 9_000), shiftUs);
  }
});

test("single instants are placed by the mapping as it is", () => {
  const offset = new ClockOffset();
  const time = new PeerTime(offset);
  tell(offset, 700, startUs);
  assert.equal(time.toLocalUs(startUs + 700), startUs);
  time.toLocalOffsetUs(startUs);
  tell(offset, 900, startUs);
  assert.equal(time.toLocalUs(startUs + 700), startUs);
});

test("a step is taken at once, whether it was seen or told", () => {
  const offset = new ClockOffset();
  const time = new PeerTime(offset);
  tell(offset, 0, startUs);
  time.toLocalOffsetUs(startUs);
  assert.equal(tell(offset, 5e6, startUs + 1e6), true);
  assert.equal(time.toLocalOffsetUs(startUs + 1e6), -5e6);
  time.observe(startUs + 2e6 - 3e6, startUs + 2e6);
  time.reset();
  assert.equal(time.toLocalOffsetUs(startUs + 2e6), 3e6);
});

test("mapped time never goes back, and stays with the true time", () => {
  const batch = fc.record({
    pauseUs: fc.oneof(fc.nat(50), fc.nat(2_000_000)),
    spanUs: fc.oneof(fc.constant(0), fc.nat(1_000), fc.nat(500_000)),
    delayUs: fc.nat(20_000),
    rttUs: fc.oneof(fc.nat(400), fc.nat(100_000)),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: -1e8, max: 1e8 }),
      fc.integer({ min: -99, max: 99 }),
      fc.array(batch, { minLength: 2, maxLength: 50 }),
      (offsetUs, driftPpm, batches) => {
        const clock = new VirtualClock(startUs);
        const peer = clock.skewed({ offsetUs, driftPpm });
        const offset = new ClockOffset();
        const time = new PeerTime(offset);
        let latestUs = Number.NEGATIVE_INFINITY;
        for (const { pauseUs, spanUs, delayUs, rttUs, share } of batches) {
          clock.advance(pauseUs);
          const sentUs = clock.nowUs();
          clock.advance(rttUs * share);
          const thereUs = peer.nowUs();
          clock.advance(rttUs * (1 - share));
          offset.addExchange({
            sentUs,
            receivedUs: thereUs,
            answeredUs: thereUs,
            arrivedUs: clock.nowUs(),
          });
          const firstUs = peer.nowUs();
          clock.advance(spanUs);
          const lastUs = peer.nowUs();
          clock.advance(delayUs);
          const shiftUs = time.toLocalOffsetUs(clock.nowUs(), firstUs, lastUs);
          assert.ok(Number.isInteger(shiftUs));
          assert.ok(firstUs + shiftUs >= latestUs);
          latestUs = lastUs + shiftUs;
          assert.ok(Math.abs(latestUs - (clock.nowUs() - delayUs)) < 60_000);
        }
      },
    ),
  );
});

test("a batch right behind the previous one is not pushed before it", () => {
  const offset = new ClockOffset();
  const time = new PeerTime(offset);
  tell(offset, 0, startUs);
  assert.equal(time.toLocalOffsetUs(startUs, startUs - 50, startUs), 0);
  tell(offset, 200_000, startUs + 1);
  const shiftUs = time.toLocalOffsetUs(startUs + 1e6, startUs + 3, startUs + 1e6);
  assert.equal(shiftUs, -3);
  assert.equal(time.toLocalOffsetUs(startUs + 2e6, startUs + 1e6, startUs + 2e6), -3);
  assert.equal(time.toLocalOffsetUs(startUs + 3e6, startUs + 3e6, startUs + 3e6), -503);
});
