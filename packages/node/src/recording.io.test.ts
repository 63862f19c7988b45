// What an arc records in real files, replayed into an engine of its own.
import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { parseRuleName } from "@myelin/core/ids";
import { parseTime } from "@myelin/core/instruction";
import type { Recorded } from "@myelin/core/recordings";
import { logFolder } from "./adapters/file-log/index.ts";
import { laneLogs, type LaneLogPlace, readRecording } from "./adapters/recordings/index.ts";
import { Engine, type RuleVersion } from "./engine/index.ts";
import { defaultArcSettings } from "./settings.ts";
import { secondUs, TestAgent, TestNode, type TestNodeOptions } from "./test-support.ts";

const tickUs = 40_000;

const rules = `
rules:
  - { name: hot, expr: cpu_usage > 0.9, action: restart, cooldown: 3s, attempts: 3, deadline: 1s }
  - { name: busy, expr: 'avg_over_time(cpu_usage, "2s") > 0.7', for: 1s, keep_firing_for: 2s, action: restart }
  - { name: silent, expr: 'absent(cpu_usage, "3s")', action: restart }
  - { name: stuck, expr: 'age(cpu_usage) > 1.5', for: 1s, action: restart }
  - { name: looping, expr: 'count_events("call", "10s") >= 3', action: restart }
  - { name: in-zone, where: agent.labels.zone == "b", expr: cpu_usage > 0.2, action: restart }
  - { name: gone, expr: heartbeat_age > 2, action: restart }
`;

/** A data directory. */
class Place {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(): Promise<Place> {
    return new Place(await mkdtemp(join(tmpdir(), "myelin-recording-")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true });
  }

  node(options: TestNodeOptions & Partial<LaneLogPlace> & { maxBytes?: number } = {}): TestNode {
    const { lane = 0, lanes = 1, run = 1, maxBytes = 1 << 24 } = options;
    const limits = { recordingMaxBytes: maxBytes };
    const logs = laneLogs({
      directory: this.directory,
      lane,
      lanes,
      isRecorded: true,
      run,
      limits,
    });
    return new TestNode({ ...options, ...logs });
  }

  async read(): Promise<Recorded[]> {
    return (await Array.fromAsync(readRecording(this.directory))).flat();
  }

  get files(): string[] {
    const folder = logFolder(this.directory, "recording", 0, 1);
    return readdirSync(folder)
      .toSorted()
      .map((name) => join(folder, name));
  }
}

/** Plays what was recorded into a fresh engine; gives what rules decide, in the order of the ids. */
function replay(recorded: readonly Recorded[], versions: readonly RuleVersion[]): string[] {
  const decisions: string[] = [];
  let atUs = 0;
  const engine = new Engine({
    maxAgents: 100,
    maxMetrics: 100,
    futureToleranceUs: 60e6,
    hooks: { onFiring: ({ id }) => decisions.push(`${id} ${atUs}`) },
  });
  engine.setRules(versions, recorded[0]?.atUs ?? 0);
  const slots = new Map<string, number>();
  for (const told of recorded) {
    ({ atUs } = told);
    if (told.kind === "join") slots.set(told.agent, engine.join(told.attributes, atUs));
    else if (told.kind === "timers") engine.advance(atUs);
    else if ("agent" in told) tell(engine, slots.get(told.agent) ?? -1, told);
  }
  return decisions.toSorted();
}

function tell(engine: Engine, slot: number, told: Recorded & { readonly agent: string }): void {
  const { atUs } = told;
  if (told.kind === "leave") engine.leave(slot, atUs);
  else if (told.kind === "attributes") engine.setAttributes(slot, told.attributes, atUs);
  else if (told.kind === "line") engine.startTimeLine(slot, told.part, told.line);
  else if (told.kind === "event") engine.event(slot, told.part, told, told.timeUs, atUs);
  else if (told.kind === "twin")
    engine.setTwin(slot, told.twin, told.fields, told.part, told.timeUs, atUs);
  else if (told.kind === "end")
    engine.instructionEnded(parseRuleName(told.rule), slot, { endedAtUs: atUs, ...told });
  else if (told.kind === "samples") {
    const { samples, part } = told;
    const metrics = Int32Array.from(samples, ({ metric }) => engine.metric(metric));
    const values = Float64Array.from(samples, ({ value }) => value);
    const timesUs = Float64Array.from(samples, ({ timeUs }) => timeUs);
    engine.apply(slot, part, samples.length, metrics, values, timesUs, atUs);
  }
}

/** Agents at work for a while: busy, silent, away, with other labels, gone. */
async function work(node: TestNode): Promise<readonly TestAgent[]> {
  const { clock } = node;
  const first = await new TestAgent(clock, { id: "w1", answers: true }).join(node);
  const second = await new TestAgent(clock, { id: "w2" }).join(node);
  for (let turn = 0; turn < 60; turn += 1) {
    first.report({ cpu_usage: 0.5 + 0.5 * Math.sin(turn / 5), mem_usage: turn });
    if (turn % 4 === 0) first.event("call", { turn });
    if (turn < 20) second.report({ cpu_usage: turn / 20 });
    if (turn === 10) second.report({ cpu_usage: 0.95 }, clock.nowUs() - secondUs);
    if (turn === 15) second.tell(second.received[0]?.id ?? "", "failed");
    await clock.run(150_000);
  }
  second.disconnect();
  await clock.run(5 * secondUs);
  await second.join(node, { labels: { zone: "b" } });
  second.report({ cpu_usage: 0.5 });
  await clock.run(secondUs);
  second.leave();
  await clock.run(secondUs);
  first.report({ cpu_usage: 0.99 });
  await clock.run(10 * secondUs);
  return [first, second];
}

/** What rules decided in a node so far, in the order of the ids. */
function decisionsOf(node: TestNode): string[] {
  const open = Array.from(
    node.arc.dispatch.open(),
    ({ id, createdAtUs }) => `${id} ${createdAtUs}`,
  );
  const ended = node.ended.map(({ id, createdAt }) => `${id} ${parseTime(createdAt)}`);
  return [...open, ...ended].toSorted();
}

describe("a recording in files", () => {
  test("of a node at work decides as the node did, at the same instants", async () => {
    await using place = await Place.make();
    const node = await place.node().start();
    await node.apply(rules);
    const versions = node.arc.rules.list();
    await work(node);
    const live = decisionsOf(node);
    await node.settle(node.arc.drain(0), secondUs);
    const recorded = await place.read();
    assert.deepEqual(replay(recorded, versions), live);
    const kinds = new Set<string>(recorded.map(({ kind }) => kind));
    for (const kind of ["samples", "event", "timers", "end", "attributes", "leave"])
      assert.ok(kinds.has(kind), kind);
    const decided = new Set(node.ended.map(({ rule }) => rule));
    assert.ok(decided.size >= 5, [...decided].join());
    for (const file of place.files) assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test("has samples that wait for older ones, and those that are too old, as they came", async () => {
    await using place = await Place.make();
    const settings = { ...defaultArcSettings, latenessUs: secondUs };
    const node = await place.node({ settings }).start();
    const agent = await new TestAgent(node.clock).join(node);
    const fromUs = node.clock.nowUs();
    for (const [at, agoUs] of [0, 500_000, 0, 5 * secondUs].entries()) {
      agent.report({ cpu_usage: at }, fromUs + 3 * secondUs - agoUs);
      await node.clock.run(tickUs);
    }
    await node.settle(node.arc.drain(0), secondUs);
    const recorded = await place.read();
    assert.deepEqual(valuesOf(recorded), [0, 1, 2, 3]);
  });

  test("can be read while the node runs, and holds all of its runs, also those that were killed", async () => {
    await using place = await Place.make();
    const before = await place.node({ run: 1 }).start();
    const agent = await new TestAgent(before.clock).join(before);
    agent.report({ cpu_usage: 0.25 });
    await before.clock.run(secondUs);
    const live = await untilRecorded(place, "samples");
    assert.deepEqual(valuesOf(live), [0.25]);
    await before.kill([agent]);
    await before.arc.recorder?.stop();
    appendFileSync(place.files[0] ?? "", "half of an entry");
    const clock = new VirtualClock(before.clock.nowUs() + secondUs);
    const after = await place.node({ run: 2, clock }).start();
    (await new TestAgent(clock).join(after)).report({ cpu_usage: 0.75 });
    await clock.run(secondUs);
    await after.settle(after.arc.drain(0), secondUs);
    const recorded = await place.read();
    assert.deepEqual(valuesOf(recorded), [0.25, 0.75]);
    const begun = recorded.filter(({ kind }) => kind === "start" || kind === "join");
    assert.deepEqual(
      begun.map(({ kind }) => kind),
      ["start", "join", "start", "join"],
    );
  });

  test("that is damaged, or of which a segment is gone, is refused", async () => {
    await using place = await Place.make();
    await assert.rejects(place.read(), { code: "INVALID_ARGUMENT" });
    for (const run of [1, 2, 3]) {
      const node = await place.node({ run }).start();
      await new TestAgent(node.clock).join(node);
      await node.settle(node.arc.drain(0), secondUs);
    }
    const [first = "", second = ""] = place.files;
    const sound = readFileSync(first);
    const damaged = Buffer.concat([sound, sound.subarray(8)]);
    damaged[40] = 7;
    writeFileSync(first, damaged);
    const code = "STORAGE_CORRUPT";
    await assert.rejects(place.read(), { code, message: /00000001\.log is damaged/ });
    writeFileSync(first, sound);
    assert.ok((await place.read()).length > 3);
    await rm(second);
    await assert.rejects(place.read(), { code, message: /00000002\.log is missing/ });
  });

  test("of which the end of a segment in the midst of a run is gone is refused", async () => {
    await using place = await Place.make();
    const node = await place.node({ maxBytes: 1 << 16 }).start();
    const agent = await new TestAgent(node.clock).join(node);
    for (let turn = 0; turn < 100; turn += 1) {
      agent.report({ cpu_usage: turn });
      await node.clock.run(tickUs);
    }
    await node.settle(node.arc.drain(0), secondUs);
    assert.equal(valuesOf(await place.read()).length, 100);
    const [first = ""] = place.files;
    truncateSync(first, statSync(first).size - 8);
    await assert.rejects(place.read(), { code: "STORAGE_CORRUPT", message: /in the midst/ });
  });

  test("of several lanes is one, in the order of its instants", async () => {
    await using place = await Place.make();
    const first = await place.node({ lanes: 2 }).start();
    const { clock } = first;
    const second = await place.node({ lanes: 2, lane: 1, clock, seed: 2 }).start();
    const agents = [
      await new TestAgent(clock, { id: "w1" }).join(first),
      await new TestAgent(clock, { id: "w2" }).join(second),
    ];
    for (const value of [1, 2, 3, 4]) {
      agents[value % 2]?.report({ cpu_usage: value });
      await clock.run(1000);
    }
    for (const node of [first, second]) await node.settle(node.arc.drain(0), secondUs);
    const recorded = await place.read();
    assert.deepEqual(valuesOf(recorded), [1, 2, 3, 4]);
    assert.equal(recorded.filter(({ kind }) => kind === "start").length, 1);
  });

  const skip = existsSync("/dev/full") ? false : "there is no /dev/full here";
  test("on a full disk stops nothing: what is missing is counted, and told when there is room", {
    skip,
  }, async () => {
    await using place = await Place.make();
    const node = await place.node({ maxBytes: 1 << 16 }).start();
    const full = join(logFolder(place.directory, "recording", 0, 1), "00000002.log");
    symlinkSync("/dev/full", full);
    const agent = await new TestAgent(node.clock, { answers: true }).join(node);
    await node.apply("rules: [{ name: hot, expr: cpu_usage > 0.9, action: restart }]");
    const counters = node.arc.recorder?.counters;
    while (counters?.refused === 0) {
      agent.report({ mem_usage: 1 });
      await node.clock.run(tickUs);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    agent.report({ cpu_usage: 0.95 });
    await node.clock.run(tickUs);
    assert.equal(agent.only.action, "restart");
    const errors = node.notices.flatMap((notice) =>
      notice.kind === "store-error" ? [notice.error.code] : [],
    );
    assert.deepEqual(new Set(errors), new Set(["STORAGE_FULL"]));
    await rm(full);
    await node.clock.run(3 * secondUs);
    agent.report({ cpu_usage: 0.25 });
    await node.clock.run(tickUs);
    await node.settle(node.arc.drain(0), secondUs);
    const recorded = await place.read();
    const gaps = recorded.flatMap((each) => (each.kind === "gap" ? [each.count] : []));
    assert.deepEqual(gaps, [counters?.dropped]);
    assert.deepEqual(valuesOf(recorded), [0.25]);
  });
});

/** What is recorded, once something of a kind is. */
async function untilRecorded(place: Place, kind: Recorded["kind"]): Promise<Recorded[]> {
  for (;;) {
    const recorded = await place.read();
    if (recorded.some((each) => each.kind === kind)) return recorded;
  }
}

/** What was reported of `cpu_usage`, in the order of the telling. */
function valuesOf(recorded: readonly Recorded[]): number[] {
  return recorded.flatMap((each) =>
    each.kind === "samples"
      ? each.samples.flatMap(({ metric, value }) => (metric === "cpu_usage" ? [value] : []))
      : [],
  );
}
