import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { parseAgentId, parseRuleName } from "@myelin/core/ids";
import { seededRandom } from "@myelin/core/random";
import { Access, TokenBook } from "../access/index.ts";
import { createMemoryBuses } from "../adapters/memory-bus/index.ts";
import { createMemoryDisk, createMemoryStore } from "../adapters/memory-store/index.ts";
import { createLaneApi, idleLoad } from "../api/index.ts";
import { Arc } from "../arc.ts";
import { apiOptionsOf } from "../arc-api.ts";
import type { LaneTies } from "../arc-options.ts";
import type { Bus } from "../ports/bus.ts";
import { defaultSessionSettings } from "../session/index.ts";
import { defaultArcSettings } from "../settings.ts";
import { TestSink } from "../test-sink.ts";
import { parseFilter } from "../watch/index.ts";
import {
  busNameOf,
  Front,
  frontName,
  LaneAddresses,
  laneOf,
  LaneService,
  laneTies,
} from "./index.ts";

const startUs = 1_790_000_000_000_000;
const rules = JSON.stringify({
  rules: [{ name: "hot", expr: "x > 1", action: "act", limit: "2/1m" }],
});
const hot = parseRuleName("hot");

interface Lane {
  readonly arc: Arc;
  readonly tokens: TokenBook;
  readonly bus: Bus;
}

/** A front and its lanes in one thread and virtual time, over one disk. */
class Fleet {
  readonly clock = new VirtualClock(startUs);
  readonly disk = createMemoryDisk();
  readonly front: Front;
  readonly head: Lane;
  readonly lanes: Lane[];

  constructor(count: number) {
    const names = [frontName, ...Array.from({ length: count }, (_, lane) => busNameOf(lane))];
    const buses = createMemoryBuses(this.clock, names);
    const busOf = (name: string): Bus => {
      const bus = buses.get(name);
      assert.ok(bus !== undefined);
      return bus;
    };
    this.front = new Front({ bus: busOf(frontName), count, random: seededRandom(3) });
    this.head = this.#laneOf(busOf(frontName), this.front.ties, {
      onChange: (record) => this.front.token(record),
    });
    this.front.attach(this.head.arc, this.head.tokens);
    this.lanes = Array.from({ length: count }, (_, lane) => {
      const { clock } = this;
      const bus = busOf(busNameOf(lane));
      const addresses = new LaneAddresses();
      const ties = laneTies({ lane, count, bus, clock, addresses });
      const onUse = (id: string, atUs: number): void =>
        void bus.publish(frontName, "used", { id, atUs });
      const made = this.#laneOf(bus, ties, { onUse });
      const { arc, tokens } = made;
      const store = createMemoryStore({ disk: this.disk });
      const api = createLaneApi(
        apiOptionsOf(arc, {
          ...{ clock, store, access: new Access({ tokens, hosts: [] }), load: () => idleLoad },
          describeNode: () => ({}),
          metrics: () => Promise.resolve({ contentType: "", text: "" }),
          unreadiness: () => undefined,
        }),
        () => Promise.resolve(),
      );
      new LaneService({ lane, count, bus, clock, arc, tokens, addresses, api });
      return made;
    });
  }

  async settle<Result>(work: Promise<Result>): Promise<Result> {
    let isDone = false;
    const done = work.finally(() => (isDone = true));
    done.catch(() => undefined);
    while (!isDone) await this.clock.run(1000);
    return await done;
  }

  #laneOf(
    bus: Bus,
    ties: LaneTies,
    more: Partial<ConstructorParameters<typeof TokenBook>[0]>,
  ): Lane {
    const { clock, disk } = this;
    const store = createMemoryStore({ disk, clock });
    const random = seededRandom(bus.name.length);
    const onStoreError = (error: Error): void => assert.fail(error);
    const tokens = new TokenBook({ clock, random, store, onStoreError, ...more });
    const arc = new Arc({
      ...{ clock, random, store, ties, access: new Access({ tokens, hosts: [] }) },
      node: { id: "n1", tier: "edge", version: "0.0.0" },
      sessionSettings: defaultSessionSettings,
      settings: defaultArcSettings,
      onNotice: () => undefined,
    });
    return { arc, tokens, bus };
  }
}

/** Watches at the front, and gives what is told. */
async function watched(fleet: Fleet): Promise<TestSink> {
  await fleet.settle(fleet.front.beginWatch());
  const sink = new TestSink();
  const { watch } = fleet.head.arc;
  sink.source = watch.open({ filter: parseFilter({}), cursor: undefined }, sink);
  return sink;
}

function happen({ arc }: Lane, agent: string): void {
  const attributes = { id: agent, type: "", tier: "", labels: {}, capabilities: [] };
  arc.watch.agent("connected", parseAgentId(agent), attributes, {});
}

test("ids spread evenly over lanes, those that differ in their last digit too", () => {
  for (const count of [2, 3, 7]) {
    const found = Array.from({ length: count }, () => 0);
    for (let at = 0; at < 10_000; at++) {
      const lane = laneOf(`worker-${at}`, count);
      found[lane] = (found[lane] ?? 0) + 1;
    }
    for (const agents of found) assert.ok(Math.abs(agents * count - 10_000) < 500, String(found));
  }
});

test("rules come into force in every lane, and in none when one cannot prepare them", async () => {
  const fleet = new Fleet(2);
  await fleet.settle(fleet.head.arc.rules.apply(rules, "local"));
  for (const { arc } of fleet.lanes) assert.equal(arc.rules.get(hot)?.version, 1);
  await fleet.settle(fleet.head.arc.rules.delete(hot, "local"));
  for (const { arc } of fleet.lanes) assert.equal(arc.rules.get(hot), undefined);
  fleet.lanes[1]?.bus.close();
  await assert.rejects(fleet.settle(fleet.head.arc.rules.apply(rules, "local")), {
    code: "UNAVAILABLE",
  });
  for (const { arc } of [fleet.head, ...fleet.lanes]) assert.equal(arc.rules.get(hot), undefined);
});

test("a full disk keeps rules from coming into force in any lane", async () => {
  const fleet = new Fleet(2);
  fleet.disk.isFull = true;
  await assert.rejects(fleet.settle(fleet.head.arc.rules.apply(rules, "local")), {
    code: "STORAGE_FULL",
  });
  for (const { arc } of [fleet.head, ...fleet.lanes]) assert.equal(arc.rules.get(hot), undefined);
});

test("what was told to all lanes is heard by all: enforcement, and a token's making and end", async () => {
  const fleet = new Fleet(2);
  const { tokens, arc } = fleet.head;
  const { text, record } = await fleet.settle(tokens.create({ role: "operator" }, "local"));
  await fleet.settle(fleet.front.heard());
  const ended: string[] = [];
  for (const lane of fleet.lanes) {
    lane.tokens.onEnd(({ id }) => ended.push(id));
    assert.equal(lane.tokens.admit(text).id, record.id);
  }
  await fleet.clock.run(1000);
  assert.notEqual(tokens.list()[0]?.lastUsedAtUs, undefined);
  await fleet.settle(tokens.revoke(record.id, "local"));
  await fleet.settle(arc.enforcement.set(false, "local"));
  await fleet.settle(fleet.front.heard());
  assert.deepEqual(ended, [record.id, record.id]);
  for (const lane of fleet.lanes) {
    assert.throws(() => lane.tokens.admit(text), { code: "UNAUTHENTICATED" });
    assert.equal(lane.arc.enforcement.isOn, false);
  }
});

test("a token that expires ends in every lane when the front tells it", async () => {
  const fleet = new Fleet(2);
  const { tokens } = fleet.head;
  await fleet.settle(tokens.create({ role: "operator", expiresInUs: 5e6 }, "local"));
  await fleet.settle(fleet.front.heard());
  const ended: string[] = [];
  for (const lane of fleet.lanes) lane.tokens.onEnd(({ id }) => ended.push(id));
  await fleet.clock.run(6e6);
  assert.equal(ended.length, 2);
});

test("firings in other lanes count against a rule's limit, and open its breaker", async () => {
  const fleet = new Fleet(2);
  await fleet.settle(fleet.head.arc.rules.apply(rules, "local"));
  const [one, other] = fleet.lanes;
  const isOpen = (lane: Lane | undefined): boolean | undefined =>
    lane?.arc.engine.ruleStatus(hot)?.isBreakerOpen;
  one?.bus.publish(busNameOf(1), "counted", new Map([[hot, 2]]));
  await fleet.clock.run(1000);
  assert.deepEqual([isOpen(one), isOpen(other)], [false, false]);
  one?.bus.publish(busNameOf(1), "counted", new Map([[hot, 1]]));
  await fleet.clock.run(1000);
  assert.deepEqual([isOpen(one), isOpen(other)], [false, true]);
  await fleet.clock.run(60e6);
  assert.equal(isOpen(other), false);
});

test("the front has drained when its lanes have, and who watches hears of all until then", async () => {
  const fleet = new Fleet(2);
  await fleet.settle(fleet.front.beginWatch());
  const sink = new TestSink();
  sink.source = fleet.head.arc.watch.open({ filter: parseFilter({}), cursor: undefined }, sink);
  const drained = fleet.settle(fleet.head.arc.drain(1e6));
  assert.equal(fleet.head.arc.isDraining, true);
  const attributes = { id: "a", type: "", tier: "", labels: {}, capabilities: [] };
  fleet.lanes[1]?.arc.watch.agent("gone", parseAgentId("a"), attributes, {});
  await drained;
  assert.ok(fleet.lanes.every(({ arc }) => arc.isDraining));
  assert.match(sink.text, /"agent":"a"[^]*event: goodbye/);
});

test("events of lanes are watched at the front, and what happened unwatched is told as lost", async () => {
  const fleet = new Fleet(2);
  const { watch } = fleet.head.arc;
  const [one, other] = fleet.lanes;
  assert.ok(one !== undefined && other !== undefined);
  const open = async (number?: number): Promise<TestSink> => {
    await fleet.settle(fleet.front.beginWatch());
    const sink = new TestSink();
    const { life } = watch;
    const cursor = number === undefined ? undefined : { life, number };
    sink.source = watch.open({ filter: parseFilter({}), cursor }, sink);
    return sink;
  };
  happen(one, "before");
  const first = await open();
  happen(one, "a");
  happen(other, "b");
  await fleet.clock.run(1000);
  assert.match(first.text, /"agent":"a"[^]*"agent":"b"/);
  assert.doesNotMatch(first.text, /before/);
  const { number } = watch.cursor;
  first.source?.onEnd();
  await fleet.clock.run(60e6);
  happen(one, "unseen");
  happen(other, "unseen");
  const second = await open(number);
  happen(other, "c");
  await fleet.clock.run(1000);
  assert.match(second.text, /event: lost\n[^]*"agent":"c"/);
  assert.equal(watch.counters.lost, 2);
  assert.equal(watch.cursor.number, number + 3);
});

test("fleets and groups are over the agents of all lanes, whichever began to read them first, and forget who has left", async () => {
  const fleet = new Fleet(3);
  const { clock } = fleet;
  const agents = new Map<string, { lane: number; slot: number }>();
  const sample = (id: string, value: number): void => {
    const { lane = 0, slot = 0 } = agents.get(id) ?? {};
    const engine = fleet.lanes[lane]?.arc.engine;
    engine?.observe(slot, 1, engine.metric("x"), value, clock.nowUs(), clock.nowUs());
  };
  const join = (id: string, lane: number, zone: string): void => {
    const attributes = { id, type: "", tier: "", labels: { zone }, capabilities: [] };
    const slot = fleet.lanes[lane]?.arc.engine.join(attributes, clock.nowUs()) ?? -1;
    agents.set(id, { lane, slot });
  };
  /** The rules that fire on an agent when it reports once more. */
  const firing = (id: string, value: number): readonly string[] => {
    sample(id, value);
    const { lane = 0, slot = 0 } = agents.get(id) ?? {};
    const states = fleet.lanes[lane]?.arc.engine.agentStates(slot) ?? [];
    return states.filter(({ state }) => state === "firing").map(({ rule }) => String(rule));
  };
  join("a0", 0, "a");
  join("a1", 1, "a");
  join("b1", 1, "b");
  join("b2", 2, "b");
  for (const [id, value] of Object.entries({ a0: 1, a1: 2, b1: 4, b2: 8 })) sample(id, value);
  const conditions = {
    all: "fleet_sum(x) == 15 && fleet_count(x) == 4 && fleet_min(x) == 1 && fleet_max(x) == 8",
    left: "fleet_sum(x) == 7 && fleet_avg(x) > 2.3",
    "zone-a": 'group_sum(x, "zone") == 3',
    "zone-b": 'group_sum(x, "zone") == 12 && group_max(x, "zone") == 8',
  };
  const lines = Object.entries(conditions).map(([name, expr]) => ({ name, expr, action: "act" }));
  await fleet.settle(fleet.head.arc.rules.apply(JSON.stringify({ rules: lines }), "local"));
  await clock.run(50_000);
  assert.deepEqual(firing("a0", 1), ["all", "zone-a"]);
  assert.deepEqual(firing("a1", 2), ["all", "zone-a"]);
  assert.deepEqual(firing("b1", 4), ["all", "zone-b"]);
  assert.deepEqual(firing("b2", 8), ["all", "zone-b"]);
  fleet.lanes[2]?.arc.engine.leave(agents.get("b2")?.slot ?? -1, clock.nowUs());
  await clock.run(50_000);
  assert.deepEqual(firing("a0", 1), ["left", "zone-a"]);
  await clock.run(40e6);
  sample("b1", 5);
  await clock.run(50_000);
  assert.deepEqual(firing("a1", 2), ["left"], "what is older than stale_after does not count");
});

test("a lane that missed what another told of a fleet is told all anew", async () => {
  const fleet = new Fleet(2);
  const { clock } = fleet;
  const [one, other] = fleet.lanes.map(({ arc }) => arc.engine);
  assert.ok(one !== undefined && other !== undefined);
  const rule = { name: "two", expr: "fleet_count(x) == 2", action: "act" };
  await fleet.settle(fleet.head.arc.rules.apply(JSON.stringify({ rules: [rule] }), "local"));
  const attributes = { type: "", tier: "", labels: {}, capabilities: [] };
  const here = one.join({ id: "a", ...attributes }, clock.nowUs());
  const there = other.join({ id: "b", ...attributes }, clock.nowUs());
  other.observe(there, 1, other.metric("x"), 1, clock.nowUs(), clock.nowUs());
  // Taken by nobody: as if the bus had not sent it.
  assert.equal(other.fleets.takeFleetShares(clock.nowUs()).length, 1);
  await clock.run(50_000);
  const fires = (): boolean => {
    one.observe(here, 1, one.metric("x"), 1, clock.nowUs(), clock.nowUs());
    return one.agentStates(here)[0]?.state === "firing";
  };
  assert.equal(fires(), false);
  other.fleets.retellFleets();
  await clock.run(50_000);
  assert.equal(fires(), true);
});

test("events of one lane that come before another lane answers are counted once, and nothing is told as lost", async () => {
  const fleet = new Fleet(2);
  const [one, other] = fleet.lanes;
  assert.ok(one !== undefined && other !== undefined);
  const gate = Promise.withResolvers<void>();
  other.bus.serve("watch", async () => {
    await gate.promise;
    return other.arc.watch.forward(() => undefined);
  });
  for (const agent of ["a", "b", "c"]) happen(one, agent);
  const begun = fleet.front.beginWatch();
  await fleet.clock.run(1000);
  happen(one, "d");
  await fleet.clock.run(1000);
  gate.resolve();
  await fleet.settle(begun);
  const sink = await watched(fleet);
  assert.equal(fleet.head.arc.watch.cursor.number, 4);
  happen(one, "e");
  await fleet.clock.run(1000);
  assert.match(sink.text, /"agent":"e"/);
  assert.doesNotMatch(sink.text, /event: lost/);
  assert.equal(fleet.head.arc.watch.cursor.number, 5);
});

test("the last events of a lane that found no room on the bus are told as lost, though no other follows", async () => {
  const fleet = new Fleet(1);
  const [lane] = fleet.lanes;
  assert.ok(lane !== undefined);
  const sink = await watched(fleet);
  happen(lane, "a");
  await fleet.clock.run(1000);
  const publish = lane.bus.publish.bind(lane.bus);
  lane.bus.publish = () => false;
  for (const agent of ["b", "c"]) happen(lane, agent);
  await fleet.clock.run(1e6);
  lane.bus.publish = publish;
  await fleet.clock.run(1e6);
  const { watch } = fleet.head.arc;
  assert.deepEqual([watch.cursor.number, watch.counters.lost], [3, 2]);
  assert.match(sink.text, /"agent":"a"[^]*event: lost/);
});

test("a watch that could not begin can be begun again", async () => {
  const fleet = new Fleet(2);
  const [, other] = fleet.lanes;
  assert.ok(other !== undefined);
  other.bus.serve("watch", () => {
    throw new MyelinError("RESOURCE_EXHAUSTED", "too many requests wait");
  });
  await assert.rejects(watched(fleet), { code: "RESOURCE_EXHAUSTED" });
  other.bus.serve("watch", () => other.arc.watch.forward(() => undefined));
  await watched(fleet);
});

test("lanes that were asked to tell events tell none any more when nobody came to watch, as after a HEAD", async () => {
  const fleet = new Fleet(2);
  const isTold = (): boolean[] => fleet.lanes.map(({ arc }) => arc.watch.isRecording);
  await fleet.settle(fleet.front.beginWatch());
  assert.deepEqual(isTold(), [true, true]);
  await fleet.clock.run(defaultArcSettings.watchLingerUs + 1000);
  assert.deepEqual(isTold(), [false, false]);
  const sink = await watched(fleet);
  await fleet.settle(fleet.front.beginWatch());
  await fleet.clock.run(defaultArcSettings.watchLingerUs + 1000);
  assert.deepEqual(isTold(), [true, true]);
  sink.source?.onEnd();
  await fleet.clock.run(defaultArcSettings.watchLingerUs + 1000);
  assert.deepEqual(isTold(), [false, false]);
});

test("the front warns of a window that is short beside the interval of a metric in every lane that has it", async () => {
  const fleet = new Fleet(3);
  const { clock, head } = fleet;
  const frames = async (lane: number, gapUs: number): Promise<void> => {
    const engine = fleet.lanes[lane]?.arc.engine;
    assert.ok(engine !== undefined);
    const attributes = { id: `a${lane}`, type: "", tier: "", labels: {}, capabilities: [] };
    const slot = engine.join(attributes, clock.nowUs());
    const metrics = Int32Array.of(engine.metric("x"));
    for (let frame = 0; frame < 5; frame += 1) {
      await clock.run(gapUs);
      const nowUs = clock.nowUs();
      engine.apply(slot, 1, 1, metrics, Float64Array.of(1), Float64Array.of(nowUs), nowUs);
    }
    await clock.run(1000);
  };
  const rule = { name: "short", expr: 'avg_over_time(x, "300ms") > 1', action: "act" };
  const warnings = async (): Promise<readonly string[]> => {
    const text = JSON.stringify({ rules: [rule] });
    const { warnings: told } = await fleet.settle(head.arc.rules.apply(text, "local"));
    return told.map(({ message }) => message).filter((message) => message.includes("window"));
  };
  assert.deepEqual(await warnings(), []);
  await frames(0, 200_000);
  const warning =
    "a window of 300ms over x, which comes about every 200ms, holds two samples at the most";
  assert.deepEqual(await warnings(), [warning]);
  await frames(1, 500_000);
  assert.deepEqual(await warnings(), [warning]);
  await frames(2, 100_000);
  assert.deepEqual(await warnings(), []);
});
