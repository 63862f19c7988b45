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

/** Tells `offset` that the peer is ahead by `offsetUs`, by an exchange that took `rttUs` all on the way there. */
function tellLate(offset: ClockOffset, offsetUs: number, rttUs: number, nowUs: number): void {
  const thereUs = nowUs + offsetUs;
  offset.addExchange({
    sentUs: nowUs - rttUs,
    receivedUs: thereUs,
    answeredUs: thereUs,
    arrivedUs: nowUs,
  });
}

test("what a better exchange shows to be too early by more than it may err is mended at once", () => {
  const offset = new ClockOffset();
  const time = new PeerTime(offset);
  tellLate(offset, 0, 2e6, startUs);
  assert.equal(time.toLocalOffsetUs(startUs, startUs, startUs), -1e6);
  tellLate(offset, 0, 100_000, startUs + 1e6);
  const shiftUs = time.toLocalOffsetUs(startUs + 1e6, startUs + 1e6, startUs + 1e6);
  // The estimate errs by 50 ms, and says so: by that and 20 ms the mapping may go on being off.
  assert.equal(shiftUs, -50_000 - 50_000 - 10 - 20_000);
  assert.equal(time.toLocalOffsetUs(startUs + 2e6, startUs + 2e6), shiftUs + 500);
});

test("what a better exchange shows to be too late is mended at half the speed of time, and no instant comes twice", () => {
  const offset = new ClockOffset();
  const time = new PeerTime(offset);
  time.observe(startUs - 240_000, startUs);
  assert.equal(time.toLocalOffsetUs(startUs, startUs, startUs), 240_000);
  tell(offset, 0, startUs);
  const instantsUs = [40_000, 80_000, 160_000, 600_000, 1_000_000].map((passedUs) => {
    const peerUs = startUs + passedUs;
    return passedUs + time.toLocalOffsetUs(peerUs, peerUs, peerUs);
  });
  // The first exchange is taken as far as it can be; what it leaves is made up for.
  assert.deepEqual(instantsUs, [240_000, 260_000, 300_000, 620_060, 1_019_860]);
});

test("what the estimate's own error may explain is slewed", () => {
  const offset = new ClockOffset();
  const time = new PeerTime(offset);
  tell(offset, 0, startUs);
  time.toLocalOffsetUs(startUs);
  tellLate(offset, 0, 300_000, startUs + 61e6);
  assert.equal(time.toLocalOffsetUs(startUs + 61e6), -30_500);
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

test("however slow exchanges are, no instant is too early by more than they may err, and what is slewed", () => {
  const batch = fc.record({
    pauseUs: fc.nat(2_000_000),
    rttUs: fc.oneof(fc.nat(400), fc.nat(4_000_000)),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: -99, max: 99 }),
      fc.array(batch, { minLength: 2, maxLength: 50 }),
      (driftPpm, batches) => {
        const clock = new VirtualClock(startUs);
        const peer = clock.skewed({ offsetUs: 5e6, driftPpm });
        const offset = new ClockOffset();
        const time = new PeerTime(offset);
        let latestUs = Number.NEGATIVE_INFINITY;
        for (const { pauseUs, rttUs, share } of batches) {
          clock.advance(pauseUs);
          const sentUs = clock.nowUs();
          clock.advance(rttUs * share);
          const receivedUs = peer.nowUs();
          clock.advance(rttUs * (1 - share));
          const arrivedUs = clock.nowUs();
          offset.addExchange({ sentUs, receivedUs, answeredUs: receivedUs, arrivedUs });
          const peerUs = peer.nowUs();
          const placedUs = peerUs + time.toLocalOffsetUs(arrivedUs, peerUs, peerUs);
          assert.ok(placedUs >= latestUs);
          latestUs = placedUs;
          assert.ok(arrivedUs - placedUs <= 2 * offset.uncertaintyUs(arrivedUs) + 20_001);
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
  tell(offset, 15_000, startUs + 1);
  const shiftUs = time.toLocalOffsetUs(startUs + 1e6, startUs + 3, startUs + 1e6);
  assert.equal(shiftUs, -3);
  assert.equal(time.toLocalOffsetUs(startUs + 2e6, startUs + 1e6, startUs + 2e6), -3);
  assert.equal(time.toLocalOffsetUs(startUs + 3e6, startUs + 3e6, startUs + 3e6), -503);
});
