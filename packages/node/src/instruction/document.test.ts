import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseActionName, parseAgentId, parseInstructionId, parseRuleName } from "@myelin/core/ids";
import { stageNames } from "@myelin/core/instruction";
import {
  documentOf,
  type Instruction,
  nodeDurationUs,
  stageDurations,
  unknownStageTimes,
} from "./index.ts";

const times = {
  sampledAtUs: 100,
  framedAtUs: 110,
  arrivedAtUs: 150,
  computedAtUs: 152,
  decidedAtUs: 160,
  writtenAtUs: 165,
  receivedAtUs: 200,
  executedAtUs: 450,
};

function instruction(changes: Partial<Instruction> = {}): Instruction {
  return {
    id: parseInstructionId("i1"),
    agent: parseAgentId("w1"),
    action: parseActionName("restart"),
    args: { grace: 1 },
    priority: 8,
    slaUs: undefined,
    impact: 1,
    score: 0.5,
    createdAtUs: 1_790_000_000_000_160,
    deadlineUs: 1_790_000_001_000_160,
    timeoutUs: 1e6,
    episode: {
      rule: parseRuleName("hot"),
      ruleVersion: 4,
      meaningVersion: 2,
      timeLine: "t",
      startedAtUs: 100,
      attempt: 2,
      appliedUntilUs: 0,
    },
    actor: "rule:hot",
    batch: undefined,
    isDurable: false,
    isByHand: false,
    isHeldBack: false,
    times,
    status: "executed",
    recipient: undefined,
    lastSentAtUs: 165,
    isCancelRequested: false,
    isOutlived: false,
    dueUs: Number.NaN,
    duePlace: -1,
    endedAtUs: 1_790_000_000_000_450,
    result: undefined,
    error: undefined,
    ...changes,
  };
}

test("the six stages lie between the instants, and add up to the whole", () => {
  assert.deepEqual(stageDurations(times), {
    stagesUs: { collect: 10, ingest: 40, compute: 2, rule: 8, dispatch: 40, execute: 250 },
    totalUs: 350,
  });
  assert.equal(nodeDurationUs(times), 15);
});

test("a stage with an end that is not known is null; without the frame's instant its time is ingest's", () => {
  assert.deepEqual(stageDurations({ ...times, framedAtUs: Number.NaN }), {
    stagesUs: { collect: null, ingest: 50, compute: 2, rule: 8, dispatch: 40, execute: 250 },
    totalUs: 350,
  });
  assert.deepEqual(stageDurations({ ...times, receivedAtUs: Number.NaN }), {
    stagesUs: { collect: 10, ingest: 40, compute: 2, rule: 8, dispatch: null, execute: null },
    totalUs: 350,
  });
});

test("where the estimate of the agent's clock errs, what passed on one clock keeps its length", () => {
  const early = { ...times, receivedAtUs: 140, executedAtUs: 390 };
  assert.deepEqual(stageDurations(early).stagesUs, {
    collect: 10,
    ingest: 40,
    compute: 2,
    rule: 8,
    dispatch: 0,
    execute: 250,
  });
  assert.equal(stageDurations(early).totalUs, 310);
  const late = { ...times, sampledAtUs: 160, framedAtUs: 170 };
  assert.deepEqual(stageDurations(late).stagesUs.collect, 10);
  assert.deepEqual(stageDurations(late).stagesUs.ingest, 0);
});

test("a sample dated implausibly far back has no collect, and the whole counts from its frame, or its arrival", () => {
  const longUs = 600e6;
  const at = (framedAtUs: number, sampledAtUs: number): typeof times => {
    const shifted = Object.entries(times).map(([name, atUs]) => [name, atUs + 1e9]);
    return { ...Object.fromEntries(shifted), framedAtUs, sampledAtUs };
  };
  const framedAtUs = 1e9 + 110;
  const old = stageDurations(at(framedAtUs, framedAtUs - longUs));
  assert.deepEqual([old.stagesUs.collect, old.totalUs], [longUs, longUs + 340]);
  const ancient = stageDurations(at(framedAtUs, framedAtUs - longUs - 1));
  assert.deepEqual([ancient.stagesUs.collect, ancient.stagesUs.ingest], [null, 40]);
  assert.equal(ancient.totalUs, 340);
  const unframed = stageDurations(at(Number.NaN, 0));
  assert.deepEqual([unframed.stagesUs.collect, unframed.stagesUs.ingest], [null, null]);
  assert.equal(unframed.totalUs, 300);
});

test("what was not executed has no total, and an instruction by hand no stages before dispatch", () => {
  assert.equal(stageDurations({ ...times, executedAtUs: Number.NaN }).totalUs, null);
  const byHand = { ...unknownStageTimes(), decidedAtUs: 100, receivedAtUs: 130, executedAtUs: 180 };
  assert.deepEqual(stageDurations(byHand), {
    stagesUs: { collect: null, ingest: null, compute: null, rule: null, dispatch: 30, execute: 50 },
    totalUs: 80,
  });
  assert.deepEqual(stageDurations(unknownStageTimes()).totalUs, null);
});

test("whatever the instants, no stage is negative, and where all are known they add up to the total", () => {
  const instant = fc.integer({ min: 0, max: 1e6 });
  const unknown = fc.constant(Number.NaN);
  const onOneClock = (count: number): fc.Arbitrary<number[]> =>
    fc
      .array(instant, { minLength: count, maxLength: count })
      .map((instants) => instants.toSorted((a, b) => a - b));
  const all = fc
    .tuple(instant, instant, onOneClock(4), onOneClock(2))
    .map(([sampledAtUs, framedAtUs, node, agent]) => {
      const [arrivedAtUs = 0, computedAtUs = 0, decidedAtUs = 0, writtenAtUs = 0] = node;
      const [receivedAtUs = 0, executedAtUs = 0] = agent;
      const onNode = { arrivedAtUs, computedAtUs, decidedAtUs, writtenAtUs };
      return { sampledAtUs, framedAtUs, ...onNode, receivedAtUs, executedAtUs };
    });
  fc.assert(
    fc.property(all, (given) => {
      const { stagesUs, totalUs } = stageDurations(given);
      const durations = stageNames.map((stage) => stagesUs[stage] ?? Number.NaN);
      for (const durationUs of durations) assert.ok(durationUs >= 0);
      assert.equal(
        durations.reduce((sum, durationUs) => sum + durationUs),
        totalUs,
      );
    }),
  );
  const some = fc.record({
    sampledAtUs: fc.oneof(instant, unknown),
    framedAtUs: fc.oneof(instant, unknown),
    arrivedAtUs: fc.oneof(instant, unknown),
    computedAtUs: fc.oneof(instant, unknown),
    decidedAtUs: instant,
    writtenAtUs: fc.oneof(instant, unknown),
    receivedAtUs: fc.oneof(instant, unknown),
    executedAtUs: fc.oneof(instant, unknown),
  });
  fc.assert(
    fc.property(some, (given) => {
      const { stagesUs, totalUs } = stageDurations(given);
      for (const stage of stageNames) assert.ok((stagesUs[stage] ?? 0) >= 0);
      assert.equal(totalUs === null, Number.isNaN(given.executedAtUs));
    }),
  );
});

test("an instruction as JSON has exactly the fields it is known for", () => {
  const document = JSON.parse(JSON.stringify(documentOf(instruction())));
  assert.deepEqual(document, {
    id: "i1",
    agent: "w1",
    part: null,
    rule: "hot",
    ruleVersion: 4,
    action: "restart",
    args: { grace: 1 },
    priority: 8,
    status: "executed",
    createdAt: "2026-09-21T14:13:20.000160Z",
    deadline: "2026-09-21T14:13:21.000160Z",
    endedAt: "2026-09-21T14:13:20.000450Z",
    attempt: 2,
    actor: "rule:hot",
    stagesUs: { collect: 10, ingest: 40, compute: 2, rule: 8, dispatch: 40, execute: 250 },
    totalUs: 350,
    withinSla: null,
  });
  const error = { code: "TIMEOUT", message: "late" } as const;
  const failed = documentOf(instruction({ status: "failed", error, result: { half: true } }));
  assert.deepEqual([failed.error, failed.result], [error, { half: true }]);
});

test("it is within its sla when it was executed in time, and has no say while open, without one, or when held back", () => {
  const within = (changes: Partial<Instruction>): boolean | null =>
    documentOf(instruction({ slaUs: 350, ...changes })).withinSla;
  assert.equal(within({}), true);
  assert.equal(within({ slaUs: 349 }), false);
  assert.equal(within({ status: "failed" }), false);
  assert.equal(within({ endedAtUs: undefined, status: "sent" }), null);
  assert.equal(within({ slaUs: undefined }), null);
  assert.equal(within({ status: "canceled", isHeldBack: true }), null);
});
