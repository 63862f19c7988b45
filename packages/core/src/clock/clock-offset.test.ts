import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ClockOffset, VirtualClock } from "./index.ts";

const startUs = 1_700_000_000_000_000;

/** A peer with a clock of its own, reached over ways of given delays. */
class Peer {
  readonly clock = new VirtualClock(startUs);
  readonly skewed;

  constructor(skew: { offsetUs: number; driftPpm: number }) {
    this.skewed = this.clock.skewed(skew);
  }

  get trueOffsetUs(): number {
    return this.skewed.nowUs() - this.clock.nowUs();
  }

  /** One exchange; time passes by its delays. */
  exchange(outUs: number, backUs: number, thinkUs = 0) {
    const sentUs = this.clock.nowUs();
    this.clock.advance(outUs);
    const receivedUs = this.skewed.nowUs();
    this.clock.advance(thinkUs);
    const answeredUs = this.skewed.nowUs();
    this.clock.advance(backUs);
    return { sentUs, receivedUs, answeredUs, arrivedUs: this.clock.nowUs() };
  }
}

/** Instants of this size are doubles of a quarter microsecond. */
const roundingUs = 1;

test("one even exchange tells offset and round-trip time", () => {
  const peer = new Peer({ offsetUs: -40_000, driftPpm: 0 });
  const offset = new ClockOffset();
  assert.equal(offset.hasExchange, false);
  assert.equal(offset.offsetUs, 0);
  assert.equal(offset.uncertaintyUs(startUs), Number.POSITIVE_INFINITY);
  assert.equal(offset.addExchange(peer.exchange(300, 300, 50)), false);
  assert.equal(offset.hasExchange, true);
  assert.equal(offset.offsetUs, -40_000);
  assert.equal(offset.rttUs, 600);
  assert.equal(offset.uncertaintyUs(peer.clock.nowUs() + 1e6 - 650), 300 + 100);
});

test("the true offset is within the uncertainty, however delays and clocks behave", () => {
  const exchange = fc.record({
    outUs: fc.oneof(fc.nat(500), fc.nat(200_000)),
    backUs: fc.oneof(fc.nat(500), fc.nat(200_000)),
    thinkUs: fc.nat(1_000),
    pauseUs: fc.oneof(fc.nat(1_000_000), fc.nat(90_000_000)),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: -1e9, max: 1e9 }),
      fc.integer({ min: -99, max: 99 }),
      fc.array(exchange, { minLength: 1, maxLength: 40 }),
      (offsetUs, driftPpm, exchanges) => {
        const peer = new Peer({ offsetUs, driftPpm });
        const offset = new ClockOffset();
        for (const { outUs, backUs, thinkUs, pauseUs } of exchanges) {
          assert.equal(offset.addExchange(peer.exchange(outUs, backUs, thinkUs)), false);
          for (const laterUs of [0, pauseUs]) {
            peer.clock.advance(laterUs);
            const errorUs = Math.abs(offset.offsetUs - peer.trueOffsetUs);
            assert.ok(errorUs <= offset.uncertaintyUs(peer.clock.nowUs()) + roundingUs);
          }
        }
      },
    ),
  );
});

test("a slow exchange does not spoil what a quick one told", () => {
  const peer = new Peer({ offsetUs: 1_000, driftPpm: 0 });
  const offset = new ClockOffset();
  offset.addExchange(peer.exchange(100, 100));
  for (let index = 0; index < 10; index++) offset.addExchange(peer.exchange(9_000, 100));
  assert.equal(offset.offsetUs, 1_000);
  assert.equal(offset.rttUs, 200);
});

test("what a quick exchange told is given up when it is old", () => {
  const peer = new Peer({ offsetUs: 0, driftPpm: 80 });
  const offset = new ClockOffset();
  offset.addExchange(peer.exchange(10, 10));
  for (let index = 0; index < 100; index++) {
    peer.clock.advance(1_000_000);
    offset.addExchange(peer.exchange(800, 800));
  }
  assert.ok(Math.abs(offset.offsetUs - peer.trueOffsetUs) < 500);
});

test("before the first exchange the message with the least delay counts", () => {
  const offset = new ClockOffset();
  offset.observe(startUs + 5_000 - 900, startUs);
  assert.equal(offset.offsetUs, 4_100);
  offset.observe(startUs + 5_000 - 200, startUs);
  offset.observe(startUs + 5_000 - 70_000, startUs);
  assert.equal(offset.offsetUs, 4_800);
  const peer = new Peer({ offsetUs: 5_000, driftPpm: 0 });
  assert.equal(offset.addExchange(peer.exchange(500, 500)), false);
  assert.equal(offset.offsetUs, 5_000);
  offset.observe(startUs + 9_000, startUs);
  assert.equal(offset.offsetUs, 5_000);
});

test("a jump beyond what delay and drift explain is a step, and starts anew", () => {
  for (const byUs of [-3_600e6, -400_000, 400_000, 3_600e6]) {
    const peer = new Peer({ offsetUs: 1_000, driftPpm: 50 });
    const offset = new ClockOffset();
    for (let index = 0; index < 20; index++) {
      assert.equal(offset.addExchange(peer.exchange(200, 300)), false);
      peer.clock.advance(1_000_000);
    }
    peer.skewed.step(byUs);
    assert.equal(offset.addExchange(peer.exchange(5_000, 100)), true);
    assert.equal(offset.steps, 1);
    assert.ok(Math.abs(offset.offsetUs - peer.trueOffsetUs) <= 2_551);
    assert.equal(offset.addExchange(peer.exchange(200, 300)), false);
  }
});

test("a jump that a long delay may explain is no step", () => {
  const peer = new Peer({ offsetUs: 1_000, driftPpm: 0 });
  const offset = new ClockOffset();
  offset.addExchange(peer.exchange(200, 200));
  assert.equal(offset.addExchange(peer.exchange(900_000, 100)), false);
  peer.clock.advance(1_000_000);
  peer.skewed.step(100_000);
  assert.equal(offset.addExchange(peer.exchange(200, 200)), false);
});

test("after a reset the peer's latest message counts, and nothing before it", () => {
  const peer = new Peer({ offsetUs: 1_000, driftPpm: 0 });
  const offset = new ClockOffset();
  offset.addExchange(peer.exchange(200, 200));
  peer.skewed.step(-5e6);
  offset.observe(peer.skewed.nowUs(), peer.clock.nowUs());
  offset.reset();
  assert.equal(offset.hasExchange, false);
  assert.equal(offset.steps, 1);
  assert.equal(offset.offsetUs, 1_000 - 5e6);
  assert.equal(offset.addExchange(peer.exchange(200, 200)), false);
  assert.equal(offset.offsetUs, peer.trueOffsetUs);
});

test("exchanges that cannot be are passed over", () => {
  const offset = new ClockOffset();
  const good = { sentUs: 100, receivedUs: 150, answeredUs: 160, arrivedUs: 210 };
  for (const bad of [
    { ...good, arrivedUs: 99 },
    { ...good, answeredUs: 140 },
    { ...good, answeredUs: 1_000 },
    { ...good, receivedUs: Number.NaN },
    { ...good, sentUs: Number.NEGATIVE_INFINITY },
  ]) {
    assert.equal(offset.addExchange(bad), false);
    assert.equal(offset.hasExchange, false);
  }
  offset.observe(Number.NaN, 5);
  assert.equal(offset.offsetUs, 0);
});
