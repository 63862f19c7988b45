import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { Overload } from "./index.ts";

const settings = {
  overloadPercent: 80,
  reliefPercent: 70,
  overloadIntervalUs: 100_000,
  fullDelayUs: 50_000,
  fullOutboundBytes: 1000,
};

interface Machine {
  loopShare: number;
  memoryShare: number;
  outboundBytes: number;
  bulkUs: number;
}

function watched(): {
  machine: Machine;
  levels: number[];
  looks: (count: number) => Promise<void>;
} {
  const clock = new VirtualClock(0);
  const machine: Machine = { loopShare: 0, memoryShare: 0, outboundBytes: 0, bulkUs: 0 };
  const levels: number[] = [];
  const overload = new Overload({
    clock,
    settings,
    resources: { read: () => machine },
    outboundBytes: () => machine.outboundBytes,
    bulkUs: () => machine.bulkUs,
    onLevel: (level) => levels.push(level),
  });
  overload.start();
  return { machine, levels, looks: async (count) => await clock.run(count * 100_000) };
}

test("a busy loop is answered step by step, and let go step by step", async () => {
  const { machine, levels, looks } = watched();
  machine.loopShare = 1;
  await looks(7);
  assert.deepEqual(levels, []);
  await looks(1);
  assert.deepEqual(levels, [1]);
  await looks(4);
  assert.deepEqual(levels, [1], "relief is given time to show");
  await looks(6);
  assert.deepEqual(levels, [1, 2, 3]);
  machine.loopShare = 0.75;
  await looks(20);
  assert.deepEqual(levels, [1, 2, 3]);
  machine.loopShare = 0.5;
  await looks(10);
  assert.deepEqual(levels, [1, 2, 3, 2, 1, 0]);
});

test("a loop that is busy for a moment is not overloaded", async () => {
  const { machine, levels, looks } = watched();
  for (let moment = 0; moment < 10; moment++) {
    machine.loopShare = 1;
    await looks(3);
    machine.loopShare = 0.3;
    await looks(3);
  }
  assert.deepEqual(levels, []);
});

test("what bulk takes of the loop is no overload, for it gives way", async () => {
  const { machine, levels, looks } = watched();
  machine.loopShare = 0.9;
  for (let look = 0; look < 20; look++) {
    machine.bulkUs += 50_000;
    await looks(1);
  }
  assert.deepEqual(levels, []);
});

test("memory and unread bytes overload a node like its loop", async () => {
  for (const use of [{ memoryShare: 0.81 }, { outboundBytes: 801 }]) {
    const { machine, levels, looks } = watched();
    Object.assign(machine, use);
    await looks(1);
    assert.deepEqual(levels, [1]);
  }
});

test("a loop that is late is overloaded, and not by one late turn", () => {
  let nowUs = 0;
  let due = (): void => undefined;
  const levels: number[] = [];
  const overload = new Overload({
    clock: {
      nowUs: () => nowUs,
      schedule: (_, callback) => {
        due = callback;
        return { cancel: () => undefined };
      },
    },
    settings,
    resources: { read: () => ({ loopShare: 0, memoryShare: 0 }) },
    outboundBytes: () => 0,
    bulkUs: () => 0,
    onLevel: (level) => levels.push(level),
  });
  overload.start();
  const look = (lateUs: number): void => {
    nowUs += 100_000 + lateUs;
    due();
  };
  look(90_000);
  look(0);
  look(500_000);
  look(0);
  assert.deepEqual(levels, []);
  for (let count = 0; count < 10; count++) look(60_000);
  assert.equal(levels[0], 1);
});
