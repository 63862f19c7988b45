import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Batch, type Loss, TelemetryBuffer } from "./buffer.ts";

function batch(sizeBytes: number, samples: number, maxMetricId = 1): Batch {
  const bytes = new Uint8Array(sizeBytes);
  return {
    bytes,
    headerSequence: 0,
    samples,
    events: 1,
    isWorthPacking: false,
    maxMetricId,
    hasTwinDelta: false,
  };
}

/** A buffer that counts what it drops. */
function countingBuffer(boundBytes: number): {
  readonly buffer: TelemetryBuffer;
  readonly dropped: Loss[];
} {
  const dropped: Loss[] = [];
  return { buffer: new TelemetryBuffer(boundBytes, (loss) => dropped.push({ ...loss })), dropped };
}

test("batches are numbered as they are sent, and keep their numbers over a resume", () => {
  const { buffer } = countingBuffer(10_000);
  assert.equal(buffer.directSequence, 1);
  for (let number = 1; number <= 3; number++) buffer.push(batch(10, number));
  assert.equal(buffer.directSequence, 0);
  assert.deepEqual([buffer.next()?.sequence, buffer.next()?.sequence], [1, 2]);
  buffer.resume(1);
  const again = buffer.next();
  assert.deepEqual([again?.sequence, again?.batch.samples, again?.isRepetition], [2, 2, true]);
  const first = buffer.next();
  assert.deepEqual([first?.sequence, first?.isRepetition], [3, false]);
  assert.equal(buffer.next(), undefined);
  assert.equal(buffer.directSequence, 4);
});

test("a new session numbers from 1, and leaves out what it cannot take", () => {
  const { buffer, dropped } = countingBuffer(10_000);
  buffer.push(batch(10, 1));
  buffer.push(batch(10, 2, 50));
  buffer.push(batch(10, 3));
  buffer.next();
  buffer.next();
  buffer.restart(10);
  const sent = [buffer.next(), buffer.next()];
  assert.deepEqual(
    sent.map((entry) => [entry?.sequence, entry?.batch.samples]),
    [
      [1, 1],
      [2, 3],
    ],
  );
  assert.deepEqual(
    dropped.map(({ samples }) => samples),
    [2],
  );
});

test("what was sent and has to go counts as dropped only if it never arrived", () => {
  const { buffer, dropped } = countingBuffer(1000);
  for (let number = 1; number <= 4; number++) {
    buffer.push(batch(300, number));
    buffer.next();
  }
  assert.deepEqual(dropped, []);
  buffer.confirm(1);
  buffer.resume(1);
  assert.deepEqual(
    dropped.map(({ samples }) => samples),
    [2],
  );
  assert.equal(buffer.oldestOrdinal, 3);
});

test("a batch larger than all the room is dropped itself", () => {
  const { buffer, dropped } = countingBuffer(1000);
  buffer.push(batch(2000, 7));
  assert.deepEqual([dropped.length, buffer.sizeBytes, buffer.next()], [1, 0, undefined]);
});

test("nothing is lost uncounted, nothing is told twice, and the bound holds", () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant("push" as const), sizeBytes: fc.nat(400), samples: fc.nat(9) }),
    fc.record({ what: fc.constant("send" as const), arrives: fc.boolean() }),
    fc.record({ what: fc.constantFrom("confirm" as const, "resume" as const, "restart" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const boundBytes = 3000;
      const { buffer, dropped } = countingBuffer(boundBytes);
      // A node that takes a prefix of what was sent over each connection, and each number once.
      let [received, isBroken] = [0, false];
      const taken = new Set<number>();
      const pushed: number[] = [];
      for (const one of steps) {
        if (one.what === "push") {
          pushed.push(one.samples);
          buffer.push(batch(one.sizeBytes, one.samples));
        } else if (one.what === "send") {
          const entry = buffer.next();
          if (entry === undefined) continue;
          isBroken ||= !one.arrives;
          if (isBroken) continue;
          assert.ok(entry.sequence > received, "a confirmed batch was sent again");
          received = entry.sequence;
          assert.ok(!taken.has(entry.ordinal), "a batch was taken twice in one session");
          taken.add(entry.ordinal);
        } else if (one.what === "confirm") {
          if (!isBroken) buffer.confirm(received);
        } else if (one.what === "resume") {
          buffer.resume(received);
          isBroken = false;
        } else {
          buffer.restart(100);
          [received, isBroken] = [0, false];
          taken.clear();
        }
        assert.ok(buffer.sizeBytes <= boundBytes);
      }
      buffer.resume(received);
      buffer.restart(100);
      const kept: number[] = [];
      for (let entry = buffer.next(); entry !== undefined; entry = buffer.next())
        kept.push(entry.ordinal);
      assert.deepEqual(
        kept,
        [...kept].sort((a, b) => a - b),
      );
      assert.ok(dropped.length + kept.length <= pushed.length);
    }),
  );
});

test("of what a session could not deliver, each batch is kept or counted as dropped", () => {
  const sizes = fc.array(fc.tuple(fc.nat(600), fc.boolean()), { maxLength: 60 });
  fc.assert(
    fc.property(sizes, fc.nat(60), (pushes, receivedAtMost) => {
      const { buffer, dropped } = countingBuffer(2000);
      let sent = 0;
      for (const [sizeBytes, isSent] of pushes) {
        buffer.push(batch(sizeBytes, 1));
        if (!isSent) continue;
        for (let entry = buffer.next(); entry !== undefined; entry = buffer.next())
          sent = entry.sequence;
      }
      const received = Math.min(sent, receivedAtMost);
      buffer.resume(received);
      let kept = 0;
      for (let entry = buffer.next(); entry !== undefined; entry = buffer.next()) kept++;
      const lost = dropped.reduce((sum, { samples }) => sum + samples, 0);
      assert.equal(received + kept + lost, pushes.length);
    }),
  );
});
