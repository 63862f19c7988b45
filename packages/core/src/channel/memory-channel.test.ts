import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VirtualClock } from "../clock/index.ts";
import { type Channel, type ChannelEnd, type ChannelHandler, memoryChannel } from "./index.ts";

/** Remembers what a channel told. */
class Ear implements ChannelHandler {
  readonly calls: string[] = [];
  readonly frames: Uint8Array[] = [];
  readonly ends: ChannelEnd[] = [];
  onFrameHeard: (frame: Uint8Array) => void = () => undefined;

  onOpen(): void {
    this.calls.push("open");
  }

  onFrame(frame: Uint8Array): void {
    this.calls.push(`frame ${frame.length}`);
    this.frames.push(frame);
    this.onFrameHeard(frame);
  }

  onDrain(): void {
    this.calls.push("drain");
  }

  onEnd(end: ChannelEnd): void {
    this.calls.push("end");
    this.ends.push(end);
  }
}

interface Setup {
  readonly clock: VirtualClock;
  readonly near: Channel;
  readonly far: Channel;
  readonly nearEar: Ear;
  readonly farEar: Ear;
}

/** A channel that is open on both sides. */
function open(options: { maxFrameBytes?: number; highWaterMarkBytes?: number } = {}): Setup {
  const clock = new VirtualClock(0);
  const [nearEar, farEar] = [new Ear(), new Ear()];
  const accepted: Channel[] = [];
  const near = memoryChannel({ clock, ...options }, nearEar, (channel) => {
    accepted.push(channel);
    return farEar;
  });
  clock.advance(0);
  const [far] = accepted;
  assert.ok(far !== undefined);
  assert.deepEqual(nearEar.calls, ["open"]);
  nearEar.calls.length = 0;
  return { clock, near, far, nearEar, farEar };
}

const bytes = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes);

test("frames arrive in order and untouched, in a later turn, both ways", () => {
  const { clock, near, far, nearEar, farEar } = open();
  const frame = bytes(5);
  near.send(frame);
  near.send(bytes(0));
  far.send(bytes(7));
  assert.deepEqual([...nearEar.calls, ...farEar.calls], []);
  clock.advance(0);
  assert.equal(farEar.frames[0], frame);
  assert.deepEqual(farEar.calls, ["frame 5", "frame 0"]);
  assert.deepEqual(nearEar.calls, ["frame 7"]);
});

test("what is sent before the other side accepts arrives once it does", () => {
  const clock = new VirtualClock(0);
  const [nearEar, farEar] = [new Ear(), new Ear()];
  const near = memoryChannel({ clock }, nearEar, (far) => {
    far.send(bytes(2));
    return farEar;
  });
  near.send(bytes(1));
  assert.deepEqual(nearEar.calls, []);
  clock.advance(0);
  assert.deepEqual(nearEar.calls, ["open", "frame 2"]);
  assert.deepEqual(farEar.calls, ["frame 1"]);
});

test("a channel that nobody accepts ends as unavailable", () => {
  const clock = new VirtualClock(0);
  const ear = new Ear();
  const near = memoryChannel({ clock }, ear, () => undefined);
  near.send(bytes(1));
  clock.advance(0);
  assert.deepEqual(ear.calls, ["end"]);
  assert.equal(ear.ends[0]?.code, "UNAVAILABLE");
});

test("a channel that is destroyed before it was accepted ends and is never accepted", () => {
  const clock = new VirtualClock(0);
  const ear = new Ear();
  const near = memoryChannel({ clock }, ear, () => assert.fail("accepted"));
  near.destroy();
  assert.deepEqual(ear.calls, []);
  clock.advance(0);
  assert.deepEqual(ear.calls, ["end"]);
});

test("two ends that answer each other leave turns of the loop to others", () => {
  const { clock, near, far, nearEar, farEar } = open();
  let answers = 0;
  farEar.onFrameHeard = (frame) => {
    if (answers++ < 10) far.send(frame);
  };
  nearEar.onFrameHeard = (frame) => near.send(frame);
  near.send(bytes(1));
  let answersAtOther = -1;
  clock.defer(() => {
    answersAtOther = answers;
  });
  clock.advance(0);
  assert.equal(answersAtOther, 1);
  assert.equal(answers, 11);
});

test("a paused reader holds its peer's frames, and the drain is told when it has taken them", () => {
  const { clock, near, far, nearEar, farEar } = open({ highWaterMarkBytes: 100 });
  far.pause();
  for (let index = 0; index < 3; index++) near.send(bytes(50));
  clock.advance(10);
  assert.equal(near.bufferedBytes, 150);
  assert.deepEqual(farEar.calls, []);
  farEar.onFrameHeard = () => far.pause();
  far.resume();
  clock.advance(10);
  assert.equal(near.bufferedBytes, 100);
  farEar.onFrameHeard = () => undefined;
  far.resume();
  clock.advance(10);
  assert.equal(near.bufferedBytes, 0);
  assert.deepEqual(nearEar.calls, ["drain"]);
  near.send(bytes(100));
  clock.advance(10);
  assert.deepEqual(nearEar.calls, ["drain"]);
});

test("closing lets what was sent arrive and drops what comes in", () => {
  const { clock, near, far, nearEar, farEar } = open();
  near.send(bytes(1));
  far.send(bytes(2));
  near.close();
  near.send(bytes(3));
  clock.advance(0);
  assert.deepEqual(farEar.calls, ["frame 1", "end"]);
  assert.deepEqual(nearEar.calls, ["end"]);
  assert.deepEqual(
    [...farEar.ends, ...nearEar.ends].map(({ code }) => code),
    [undefined, undefined],
  );
});

test("closing waits a second for a peer that does not read, and no longer", () => {
  const { clock, near, far, nearEar, farEar } = open();
  far.pause();
  near.send(bytes(1));
  near.close();
  clock.advance(999_999);
  assert.deepEqual(nearEar.calls, []);
  clock.advance(1);
  assert.deepEqual(nearEar.calls, ["end"]);
  assert.deepEqual(farEar.calls, ["end"]);
});

test("a frame beyond the limit ends the channel for both, after what came before it", () => {
  const { clock, near, nearEar, farEar } = open({ maxFrameBytes: 10 });
  near.send(bytes(10));
  near.send(bytes(11));
  near.send(bytes(1));
  clock.advance(0);
  assert.deepEqual(farEar.calls, ["frame 10", "end"]);
  assert.deepEqual(nearEar.calls, ["end"]);
  assert.equal(farEar.ends[0]?.code, "PAYLOAD_TOO_LARGE");
});

test("a handler that fails loses no later frame", () => {
  const { clock, near, farEar } = open();
  farEar.onFrameHeard = (frame) => {
    if (frame.length === 1) throw new Error("a fault of the handler");
  };
  near.send(bytes(1));
  near.send(bytes(2));
  assert.throws(() => clock.advance(0), /a fault of the handler/);
  clock.advance(0);
  assert.deepEqual(farEar.calls, ["frame 1", "frame 2"]);
});

test("whatever is called in whatever order, frames keep their order and each side ends once, and last", () => {
  const call = fc.record({
    name: fc.constantFrom("send", "send", "send", "pause", "resume", "close", "destroy"),
    isNear: fc.boolean(),
    isInCallback: fc.boolean(),
    pauseUs: fc.constantFrom(0, 0, 10, 600_000),
  });
  fc.assert(
    fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
      const { clock, near, far, nearEar, farEar } = open({ highWaterMarkBytes: 3 });
      let sent = 0;
      const inCallback: (() => void)[] = [];
      nearEar.onFrameHeard = farEar.onFrameHeard = () => inCallback.shift()?.();
      for (const { name, isNear, isInCallback, pauseUs } of calls) {
        const channel = isNear ? near : far;
        const perform = (): void => {
          if (name === "send") channel.send(Uint8Array.of(sent++));
          else if (name === "pause") channel.pause();
          else if (name === "resume") channel.resume();
          else if (name === "close") channel.close();
          else channel.destroy();
        };
        if (isInCallback) inCallback.push(perform);
        else perform();
        clock.advance(pauseUs);
      }
      near.close();
      far.close();
      clock.advance(1_000_000);
      for (const { calls: heard, frames } of [nearEar, farEar]) {
        assert.equal(heard.filter((what) => what === "end").length, 1);
        assert.equal(heard.at(-1), "end");
        const numbers = frames.map((frame) => frame[0] ?? -1);
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
        );
      }
      assert.equal(near.bufferedBytes + far.bufferedBytes, 0);
    }),
    { numRuns: 500 },
  );
});
