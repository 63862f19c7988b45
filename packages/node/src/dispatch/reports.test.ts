import assert from "node:assert/strict";
import { test } from "node:test";
import { type EpisodeKey, instructionIdOf, parseRuleName } from "@myelin/core/ids";
import type { Acknowledgement } from "@myelin/core/wire";
import { Reports } from "./reports.ts";
import { type FakeSession, secondUs, startUs, World } from "./test-support.ts";

type Reinstated = [
  slot: number,
  episode: EpisodeKey,
  end?: { succeeded: boolean; endedAtUs: number } | undefined,
];

class ReportingWorld extends World {
  readonly reinstated: Reinstated[] = [];
  readonly reports: Reports = new Reports({
    clock: this.clock,
    dispatch: this.dispatch,
    store: this.store,
    episodes: {
      reinstate: (...args) => {
        this.reinstated.push(args);
        return true;
      },
      instructionEnded: (...told) => this.told.push(told),
      keep: (instruction) => this.episodes.keep(instruction),
    },
    timeoutUsOf: (rule) => (rule === "hot" ? 20 * secondUs : undefined),
    flush: () => this.scheduler.drain(),
    onStoreError: (error) => this.errors.push(error),
  });

  /** A hello's report of an instruction of rule `hot` that the node does not know. */
  report(
    session: FakeSession,
    status: Acknowledgement["status"],
    changes: Partial<EpisodeKey> = {},
  ): Acknowledgement {
    const key: EpisodeKey = {
      rule: parseRuleName("hot"),
      meaningVersion: 3,
      agent: session.agent.id,
      timeLine: "app/life-1/t/0",
      startedAtUs: startUs,
      attempt: 1,
      ...changes,
    };
    const { agent: _, ...episode } = key;
    return session.says(instructionIdOf(key), status, {
      action: "restart",
      episode: { ...episode, ruleVersion: 7, appliedUntilUs: 5 },
    });
  }
}

test("an instruction of a rule that the node lost is reinstated at once, then accounted and settled", async () => {
  const world = new ReportingWorld();
  const app = world.attach("w1");
  const report = world.report(app, "executed");
  world.reports.take(app, [{ ...report, result: "done" }]);
  assert.deepEqual(
    world.reinstated.map(([slot, key, end]) => [slot, key.startedAtUs, end?.succeeded]),
    [[0, startUs, true]],
  );
  await world.clock.run(secondUs);
  const document = world.end(report.instructionId);
  assert.deepEqual(
    [document?.status, document?.rule, document?.ruleVersion, document?.action, document?.result],
    ["executed", "hot", 7, "restart", "done"],
  );
  assert.equal(document?.stagesUs.collect, null);
  assert.deepEqual(app.settled, [report.instructionId]);
  assert.equal(world.store.disk.ledger.size, 1);
});

test("an instruction that still runs at its agent is open again, and ends with the agent's word", async () => {
  const world = new ReportingWorld();
  const app = world.attach("w1");
  const report = world.report(app, "received");
  world.reports.take(app, [report]);
  assert.equal(world.reinstated[0]?.[2], undefined);
  await world.clock.run(1000);
  assert.equal(world.open(report.instructionId)?.status, "received");
  world.reports.acknowledge(app, app.says(report.instructionId, "executed"));
  assert.equal(world.endOf(report.instructionId), "executed");
  assert.equal(app.sent.length, 0);
});

test("an instruction that still runs gets its rule's timeout, and one that began long ago the grace at least", async () => {
  const world = new ReportingWorld();
  const app = world.attach("w1");
  const fresh = world.report(app, "received");
  const old = { ...world.report(app, "received", { attempt: 2 }), receivedAtUs: startUs - 3600e6 };
  world.reports.take(app, [fresh, old]);
  await world.clock.run(2 * secondUs - 1);
  assert.equal(world.end(old.instructionId), undefined);
  await world.clock.run(1);
  assert.equal(world.endOf(old.instructionId), "failed TIMEOUT");
  await world.clock.run(20 * secondUs);
  assert.equal(world.endOf(fresh.instructionId), "failed TIMEOUT");
});

test("an answer that comes while the ledger is asked waits for it, and is not lost", async () => {
  const world = new ReportingWorld();
  const app = world.attach("w1");
  world.store.disk.syncDelayUs = 5000;
  const report = world.report(app, "received");
  world.reports.take(app, [report]);
  await world.clock.run(1000);
  world.reports.acknowledge(app, app.says(report.instructionId, "executed", { result: 5 }));
  world.reports.acknowledge(app, app.says(report.instructionId, "received"));
  assert.deepEqual(app.settled, []);
  await world.clock.run(secondUs);
  assert.deepEqual(world.end(report.instructionId)?.result, 5);
  assert.deepEqual(app.settled, [report.instructionId]);
});

test("an outcome that the ledger has already is settled and not accounted again", async () => {
  const before = new ReportingWorld();
  const app = before.attach("w1");
  const report = before.report(app, "executed");
  before.reports.take(app, [report]);
  await before.clock.run(secondUs);

  const after = new ReportingWorld({ clock: before.clock, disk: before.store.disk });
  const again = after.attach("w1");
  const kept = after.store.disk.ledger.get(report.instructionId);
  after.reports.take(again, [report, report]);
  await after.clock.run(secondUs);
  assert.equal(after.reinstated.length, 1);
  assert.equal(after.ended.length, 0);
  assert.equal(after.store.disk.ledger.get(report.instructionId), kept);
  assert.ok(again.settled.includes(report.instructionId));
});

test("an instruction that the ledger has as held back, and the agent has done all the same, is accounted as the agent says", async () => {
  const before = new ReportingWorld();
  const app = before.attach("w1");
  const report = before.report(app, "executed");
  before.reports.take(app, [report]);
  await before.clock.run(secondUs);
  const { ledger } = before.store.disk;
  const kept = ledger.get(report.instructionId);
  assert.ok(kept !== undefined);
  const { document } = kept.entry;
  const stagesUs = { ...document.stagesUs, dispatch: null, execute: null };
  const heldBack = { ...document, status: "rejected", stagesUs } as const;
  ledger.set(report.instructionId, { ...kept, entry: { ...kept.entry, document: heldBack } });

  const after = new ReportingWorld({ clock: before.clock, disk: before.store.disk });
  const again = after.attach("w1");
  after.reports.take(again, [report]);
  await after.clock.run(secondUs);
  assert.equal(after.endOf(report.instructionId), "executed");
  assert.equal(
    after.store.disk.ledger.get(report.instructionId)?.entry.document.status,
    "executed",
  );
  assert.ok(again.settled.includes(report.instructionId));
});

test("an instruction that the ledger has ended and the agent still runs is ended for the engine too", async () => {
  const before = new ReportingWorld();
  const app = before.attach("w1");
  const report = before.report(app, "received");
  before.reports.take(app, [report]);
  await before.clock.run(30 * secondUs);
  assert.equal(before.endOf(report.instructionId), "failed TIMEOUT");

  const after = new ReportingWorld({ clock: before.clock, disk: before.store.disk });
  const again = after.attach("w1");
  after.reports.take(again, [report]);
  await after.clock.run(secondUs);
  assert.deepEqual(
    after.told.map(([rule, slot, { succeeded, startedAtUs }]) => [
      rule,
      slot,
      succeeded,
      startedAtUs,
    ]),
    [["hot", 0, false, startUs]],
  );
  assert.equal(after.dispatch.openCount, 0);
  after.reports.acknowledge(again, again.says(report.instructionId, "executed"));
  assert.equal(after.ended.length, 0);
  assert.ok(again.settled.includes(report.instructionId));
});

test("what this run of the node decided is not reinstated: the engine knows, or has ended that episode", async () => {
  const world = new ReportingWorld();
  const app = world.attach("w1");
  const open = world.fire("w1");
  const ended = world.fire("w1");
  world.dispatch.acknowledge(app, app.says(ended.id, "executed"));
  const told = (id: string, firing: typeof open): Acknowledgement =>
    app.says(id, "executed", {
      episode: { ...firing.episode, ruleVersion: 1, appliedUntilUs: 0 },
      action: "restart",
    });
  world.reports.take(app, [told(open.id, open), told(ended.id, ended)]);
  await world.clock.run(secondUs);
  world.reports.take(app, [told(ended.id, ended)]);
  await world.clock.run(secondUs);
  assert.deepEqual(world.reinstated, []);
  assert.equal(world.ended.length, 2);
  assert.equal(world.store.disk.ledger.size, 2);
});

test("what an earlier life may have done does not end as if it had not begun when the ledger had no room for its end and it is told again", async () => {
  const world = new ReportingWorld();
  const app = world.attach("w1", "app", ["restart!"]);
  const [outlived, fresh] = [world.fire("w1"), world.fire("w1")];
  world.dispatch.acknowledge(app, app.says(outlived.id, "received"));
  world.dispatch.acknowledge(app, app.says(fresh.id, "executed"));
  await world.clock.run(secondUs);
  Object.assign(world.store.disk, { isFull: true, maxWaitingEntries: 0 });
  const next = world.reattach(app, "life-2");
  const late = world.fire("w1");
  for (const { id } of [outlived, late]) world.dispatch.acknowledge(next, next.says(id, "expired"));
  await world.clock.run(secondUs);
  Object.assign(world.store.disk, { isFull: false, maxWaitingEntries: 1000 });
  const told = ({ id, episode }: typeof late): Acknowledgement =>
    next.says(id, "expired", {
      episode: { ...episode, ruleVersion: 1, appliedUntilUs: 0 },
      action: "restart",
    });
  world.reports.take(next, [told(outlived), told(late)]);
  await world.clock.run(secondUs);
  assert.deepEqual(
    world.ended.map(({ id, status, error }) => [id, status, error?.code]).slice(-2),
    [
      [outlived.id, "failed", "OUTCOME_UNKNOWN"],
      [late.id, "expired", undefined],
    ],
  );
});

test("what an earlier run of the node decided, and can be done again, may have been given to an earlier life", async () => {
  for (const [action, end] of [
    ["restart!", "failed OUTCOME_UNKNOWN"],
    ["restart", "expired"],
  ] as const) {
    const world = new ReportingWorld();
    const app = world.attach("w1", "app", [action]);
    const report = world.report(app, "expired");
    world.reports.take(app, [report]);
    await world.clock.run(secondUs);
    assert.equal(world.endOf(report.instructionId), end);
  }
});

test("an agent cannot tell of another's instruction, nor of one whose id is not its episode's", async () => {
  const world = new ReportingWorld();
  const [app, other] = [world.attach("w1"), world.attach("w2")];
  const report = world.report(app, "executed");
  const lies: Acknowledgement[] = [
    report,
    { ...world.report(other, "executed"), instructionId: "made-up" },
    world.report(other, "executed", { startedAtUs: 1e300 }),
    world.report(other, "executed", { startedAtUs: Number.NaN }),
    world.report(other, "executed", { attempt: 0 }),
    world.report(other, "executed", { timeLine: "x".repeat(5000) }),
  ];
  world.reports.take(other, lies);
  await world.clock.run(secondUs);
  assert.deepEqual(world.reinstated, []);
  assert.equal(world.ended.length, 0);
  assert.equal(world.store.disk.ledger.size, 0);
});

test("an agent that tells of more than it can have under way is not believed beyond what two runs could have given it", async () => {
  const world = new ReportingWorld({ maxOutstanding: 3 });
  const app = world.attach("w1");
  const reports = Array.from({ length: 20 }, (_, at) =>
    world.report(app, "received", { startedAtUs: startUs + at }),
  );
  world.reports.take(app, reports);
  await world.clock.run(1000);
  assert.equal(world.dispatch.openCount, 6);
});

test("one that still runs is taken up also while another run's instruction holds the part's only place", async () => {
  const world = new ReportingWorld({ maxOutstanding: 1 });
  const app = world.attach("w1");
  world.fire("w1");
  const report = world.report(app, "received");
  world.reports.take(app, [report]);
  await world.clock.run(1000);
  world.reports.acknowledge(app, app.says(report.instructionId, "executed"));
  assert.equal(world.endOf(report.instructionId), "executed");
});

test("a report of an instruction by hand is its acknowledgement", async () => {
  const world = new ReportingWorld();
  const app = world.attach("w1");
  const { instructions } = await world.settle(world.byHand.accept(world.order(["w1"])));
  const id = instructions[0]?.id ?? "";
  world.reports.take(app, [app.says(id, "executed", { action: "restart" })]);
  assert.equal(world.endOf(id), "executed");
  world.reports.take(app, [app.says("long-gone", "executed", { action: "restart" })]);
  assert.deepEqual(app.settled, ["long-gone"]);
});

test("while the disk cannot be read, what agents tell is accounted as if it were new", async () => {
  const world = new ReportingWorld();
  const app = world.attach("w1");
  world.store.ledgerById = () => Promise.reject(new Error("gone"));
  const report = world.report(app, "executed");
  world.reports.take(app, [report]);
  await world.clock.run(secondUs);
  assert.equal(world.endOf(report.instructionId), "executed");
  assert.equal(world.errors.length, 1);
});

test("another agent's word on an instruction that is being looked up is not heard", async () => {
  const world = new ReportingWorld();
  const [app, other] = [world.attach("w1"), world.attach("w2")];
  const report = world.report(app, "received");
  world.reports.take(app, [report]);
  world.reports.acknowledge(other, other.says(report.instructionId, "executed"));
  assert.equal(world.dispatch.lateAnswers, 1);
  await world.clock.run(secondUs);
  assert.equal(world.open(report.instructionId)?.status, "received");
});

test("what agents tell is bounded in the node: beyond it, it is told again by the next hello", async () => {
  const world = new ReportingWorld({ maxOutstanding: 20_000, maxOpen: 20_000 });
  const app = world.attach("w1");
  const reports = Array.from({ length: 10_005 }, (_, at) =>
    world.report(app, "executed", { startedAtUs: startUs + at }),
  );
  world.reports.take(app, reports);
  await world.clock.run(secondUs);
  assert.equal(world.dispatch.openCount, 0);
  assert.deepEqual(app.settled.length, 10_000);
  assert.equal(world.reinstated.length, 10_005, "all are reinstated");
});

test("what still runs is taken up also when more run than the node looks up at once, and when as many as it may decide are open", async () => {
  const world = new ReportingWorld({ maxOutstanding: 20_000, maxOpen: 3 });
  const app = world.attach("w1");
  const reports = Array.from({ length: 10_005 }, (_, at) =>
    world.report(app, "received", { startedAtUs: startUs + at }),
  );
  world.reports.take(app, reports);
  await world.clock.run(1000);
  assert.equal(world.dispatch.openCount, 10_005);
  const shed = world.fire("w1");
  assert.equal(world.endOf(shed.id), "rejected SHED", "rules decide nothing on top");
  for (const { instructionId } of reports)
    world.reports.acknowledge(app, app.says(instructionId, "executed"));
  await world.clock.run(secondUs);
  assert.equal(world.ledger.figures().counts.executed, 10_005);
  assert.equal(world.store.disk.ledger.size, 10_006);
});

test("outcomes beyond what its part may have open are accounted too", async () => {
  const world = new ReportingWorld({ maxOutstanding: 1 });
  const app = world.attach("w1");
  const running = world.report(app, "received");
  const done = world.report(app, "executed", { attempt: 2 });
  world.reports.take(app, [running, done]);
  await world.clock.run(secondUs);
  assert.equal(world.open(running.instructionId)?.status, "received");
  assert.equal(world.endOf(done.instructionId), "executed");
  assert.deepEqual(app.settled, [done.instructionId]);
});
