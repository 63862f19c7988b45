import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { JsonObject } from "@myelin/core/json";
import { parseRuleFile } from "@myelin/core/rules";
import type { SampleColumns } from "@myelin/core/wire";
import fc from "fast-check";
import { Engine, type Firing } from "../engine/index.ts";
import { Ingest, type SessionIntake } from "./index.ts";

type Sample = readonly [atUs: number, metric: number, value: number];

function columns(samples: readonly Sample[], names: SampleColumns["names"] = []): SampleColumns {
  return {
    names,
    count: samples.length,
    metrics: Uint32Array.from(samples, ([, metric]) => metric),
    values: Float64Array.from(samples, ([, , value]) => value),
    timesUs: Float64Array.from(samples, ([atUs]) => atUs),
    isOneInstant: false,
  };
}

const namesOf = (...names: readonly string[]) =>
  names.map((name, index) => ({ id: index + 1, name }));
const nowUs = 10e6;

describe("a session's intake", () => {
  let engine: Engine;
  let ingest: Ingest;
  let slot: number;
  let intake: SessionIntake;
  let firings: Firing[];

  beforeEach(() => {
    firings = [];
    engine = new Engine({
      maxAgents: 10,
      maxMetrics: 8,
      futureToleranceUs: 60e6,
      hooks: { onFiring: (firing) => firings.push(firing) },
    });
    const { rules } = parseRuleFile(
      "rules:\n  - { name: r, expr: m > 10, action: stop }\n  - { name: t, expr: twin.x > 10, action: stop }",
    );
    engine.setRules(
      rules.map((plan) => ({ plan, version: 1, meaningVersion: 1 })),
      0,
    );
    slot = engine.join({ id: "a1", type: "worker", tier: "edge", labels: {}, capabilities: [] }, 0);
    engine.startTimeLine(slot, 1, "line-1");
    ingest = new Ingest({ engine, maxMetrics: 4 });
    intake = ingest.open({ slot, partName: "app", partIndex: 1, incarnation: "life-1" });
  });

  const latest = () =>
    engine.latest(slot).map(({ metric, value, timeUs }) => [metric, value, timeUs]);

  const opened = (): SessionIntake =>
    ingest.open({ slot, partName: "app", partIndex: 1, incarnation: "life-1" });

  test("goes on where the part's former session was, though the node places the same instant later now", () => {
    intake.samples(columns([[5000, 1, 1]], namesOf("m")), 1000);
    intake.apply(nowUs);
    const { late } = engine.counters;
    const next = opened();
    next.samples(columns([[5000, 1, 2]], namesOf("m")), 1500);
    next.apply(nowUs);
    assert.deepEqual([latest(), engine.counters.late - late], [[["m", 1, 6000]], 1]);
    next.samples(columns([[5001, 1, 3]]), 1500);
    next.apply(nowUs);
    assert.deepEqual(latest(), [["m", 3, 6501]]);
  });

  test("goes on past what was applied when the node begins a new time line of its clock, unless that was set back", () => {
    intake.samples(columns([[5000, 1, 1]], namesOf("m")), 1000);
    intake.apply(nowUs);
    engine.startTimeLine(slot, 1, "line-2");
    intake.goOnAnew(500, nowUs);
    intake.samples(columns([[4999, 1, 2]]), 500);
    intake.apply(nowUs);
    assert.deepEqual(latest(), [["m", 1, 6000]]);
    engine.startTimeLine(slot, 1, "line-3");
    intake.goOnAnew(nowUs, nowUs);
    intake.samples(columns([[4000, 1, 3]]), nowUs - 4000);
    intake.apply(nowUs);
    assert.deepEqual(latest(), [["m", 3, nowUs]]);
  });

  test("goes on where an earlier run was: what is older on the part's clock is late, wherever it is placed", () => {
    intake.goOn(5000, 6000);
    assert.deepEqual([intake.timeLine, intake.newestUs], ["line-1", 5000]);
    const names = namesOf("m");
    const sent: Sample[] = [
      [4999, 1, 11],
      [5000, 1, 1],
      [5001, 1, 2],
    ];
    intake.samples(columns(sent, names), 1500);
    intake.apply(nowUs);
    assert.deepEqual([engine.counters.late, firings.length, latest()], [1, 0, [["m", 2, 6501]]]);
    intake.goOn(5000, 9000);
    assert.equal(intake.newestUs, 5001, "it has gone on meanwhile");
  });

  test("declares names, places times on the node's clock, and applies a frame", () => {
    intake.samples(
      columns(
        [
          [100.4, 1, 5],
          [200, 2, 11],
        ],
        namesOf("x", "m"),
      ),
      1e6 + 0.3,
    );
    assert.equal(intake.hasSamples, true);
    assert.deepEqual(latest(), [], "nothing is applied before the frame's end");
    intake.apply(nowUs);
    assert.equal(intake.hasSamples, false);
    assert.equal(intake.metricNamesKnown, 2);
    assert.deepEqual(latest(), [
      ["x", 5, 1_000_100],
      ["m", 11, 1_000_200],
    ]);
    assert.deepEqual(
      firings.map(({ sampleTimeUs }) => sampleTimeUs),
      [1_000_200],
    );
  });

  test("several operations of a frame are one application, merged in order of time, stable", () => {
    intake.samples(
      columns(
        [
          [100, 1, 1],
          [300, 1, 3],
        ],
        namesOf("m", "n"),
      ),
      0,
    );
    intake.samples(
      columns([
        [100, 1, 2],
        [200, 2, 4],
        [300, 1, 11],
        [300, 1, 4],
      ]),
      0,
    );
    intake.samples(columns([[50, 2, 9]]), 0);
    intake.apply(nowUs);
    assert.equal(engine.counters.late, 0);
    assert.deepEqual(
      latest().toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
      [
        ["m", 4, 300],
        ["n", 4, 200],
      ],
    );
    assert.deepEqual(firings, []);
  });

  test("two sessions share the buffer but not their samples", () => {
    const other = engine.join(
      { id: "a2", type: "worker", tier: "edge", labels: {}, capabilities: [] },
      0,
    );
    const second = ingest.open({
      slot: other,
      partName: "app",
      partIndex: 1,
      incarnation: "life-1",
    });
    intake.samples(columns([[100, 1, 11]], namesOf("m")), 0);
    second.samples(columns([[100, 1, 12]], namesOf("m")), 0);
    second.apply(nowUs);
    intake.apply(nowUs);
    assert.deepEqual(
      firings.map((firing) => firing.slot),
      [other],
    );
    assert.equal(ingest.counters.discardedSamples, 1);
    intake.samples(columns([[100, 1, 11]]), 0);
    intake.discard();
    intake.apply(nowUs);
    assert.equal(firings.length, 1);
    assert.deepEqual([ingest.counters.receivedSamples, ingest.counters.discardedSamples], [3, 2]);
  });

  test("ids count from 1 without gaps, and a name declared again must be the same", () => {
    intake.samples(columns([], namesOf("m", "n")), 0);
    intake.samples(columns([], namesOf("m", "n", "o")), 0);
    assert.equal(intake.metricNamesKnown, 3);
    const refused = (id: number, name: string, code: string): void =>
      assert.throws(() => intake.samples(columns([], [{ id, name }]), 0), { code });
    refused(2, "m", "PROTOCOL_ERROR");
    refused(5, "p", "PROTOCOL_ERROR");
    refused(4, "no name", "PROTOCOL_ERROR");
    intake.samples(columns([], [{ id: 4, name: "p" }]), 0);
    refused(5, "q", "RESOURCE_EXHAUSTED");
    assert.throws(() => intake.samples(columns([[1, 5, 1]]), 0), { code: "PROTOCOL_ERROR" });
  });

  test("metrics of the node's own cannot be sent: their samples are refused and counted", () => {
    intake.samples(
      columns(
        [
          [100, 1, 99],
          [100, 2, 11],
        ],
        namesOf("heartbeat_age", "m"),
      ),
      0,
    );
    intake.apply(nowUs);
    assert.deepEqual(latest(), [["m", 11, 100]]);
    assert.deepEqual([ingest.counters.refusedNames, ingest.counters.refusedSamples], [1, 1]);
    assert.equal(intake.metricNamesKnown, 2);
  });

  test("when the node can take no more names, the new ones are refused and the session goes on", () => {
    for (const name of ["a", "b", "c", "d", "e", "f", "g"]) engine.metric(name);
    intake.samples(
      columns(
        [
          [100, 1, 1],
          [100, 2, 11],
        ],
        namesOf("one-more", "m"),
      ),
      0,
    );
    intake.apply(nowUs);
    assert.deepEqual(latest(), [["m", 11, 100]]);
    assert.equal(ingest.counters.refusedNames, 1);
  });

  test("a corrected offset never takes time back, and never makes what is old new", () => {
    intake.samples(
      columns(
        [
          [100, 1, 1],
          [200, 1, 2],
        ],
        namesOf("m"),
      ),
      1_000,
    );
    intake.apply(nowUs);
    intake.samples(columns([[210, 1, 3]]), 900);
    intake.apply(nowUs);
    assert.deepEqual(latest(), [["m", 3, 1_200]], "1,110 would be late");
    intake.samples(columns([[205, 1, 4]]), 5_000);
    intake.apply(nowUs);
    assert.deepEqual([latest(), engine.counters.late], [[["m", 3, 1_200]], 1]);
    intake.samples(columns([[400, 1, 5]]), 900);
    intake.apply(nowUs);
    assert.deepEqual(latest(), [["m", 5, 1_300]]);
  });

  test("a new time line starts the mapping anew", () => {
    intake.samples(columns([[1e6, 1, 1]], namesOf("m")), 0);
    intake.apply(nowUs);
    engine.startTimeLine(slot, 1, "line-2");
    intake.samples(columns([[100, 1, 2]]), 500);
    intake.apply(nowUs);
    assert.deepEqual(latest(), [["m", 2, 600]]);
  });

  test("one sample far ahead does not hold later ones to its offset", () => {
    intake.samples(
      columns(
        [
          [100, 1, 1],
          [1e12, 1, 2],
        ],
        namesOf("m"),
      ),
      0,
    );
    intake.apply(nowUs);
    assert.equal(engine.counters.future, 1);
    intake.samples(columns([[300, 1, 3]]), 50);
    intake.apply(nowUs);
    assert.deepEqual(latest(), [["m", 3, 350]]);
  });

  test("within a time line the order of the agent's clock is kept, however the offset moves", () => {
    const frame = fc.record({
      from: fc.nat({ max: 30 }),
      gaps: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 5 }),
      offset: fc.integer({ min: -5, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), (frames) => {
        const applied: number[][] = [];
        const spy = {
          futureToleranceUs: 60e6,
          metric: () => 0,
          event: () => undefined,
          setTwin: () => undefined,
          tenancy: () => 1,
          timeLine: () => "line",
          appliedBefore: () => undefined,
          apply: (
            _slot: number,
            _part: number,
            count: number,
            _metrics: Int32Array,
            _values: Float64Array,
            timesUs: Float64Array,
          ) => {
            applied.push([...timesUs.subarray(0, count)]);
          },
        };
        const session = new Ingest({ engine: spy, maxMetrics: 4 }).open({
          slot: 0,
          partName: "app",
          partIndex: 1,
          incarnation: "x",
        });
        let newestAgentUs = Number.NEGATIVE_INFINITY;
        let newestNodeUs = Number.NEGATIVE_INFINITY;
        for (const { from, gaps, offset } of frames) {
          let atUs = from;
          const times = gaps.map((gap) => (atUs += gap));
          session.samples(
            columns(
              times.map((time) => [time, 1, 0]),
              namesOf("m"),
            ),
            offset,
          );
          session.apply(nowUs);
          const mapped = applied.at(-1) ?? [];
          assert.deepEqual(
            mapped,
            mapped.toSorted((a, b) => a - b),
          );
          for (const [index, time] of times.entries())
            assert.equal((mapped[index] as number) >= newestNodeUs, time >= newestAgentUs);
          newestAgentUs = Math.max(newestAgentUs, times.at(-1) as number);
          newestNodeUs = Math.max(newestNodeUs, mapped.at(-1) as number);
        }
      }),
    );
  });

  test("a large frame finds room", () => {
    const samples = Array.from(
      { length: 5_000 },
      (_, index): Sample => [index, 1, index === 4_999 ? 11 : 1],
    );
    intake.samples(columns(samples.slice(2_500), namesOf("m")), 0);
    intake.samples(columns(samples.slice(0, 2_500)), 0);
    intake.apply(nowUs);
    assert.deepEqual(
      firings.map(({ sampleTimeUs }) => sampleTimeUs),
      [4_999],
    );
  });

  test("a change of the twin reaches the rules that read it; a gap asks for the whole state", () => {
    assert.equal(
      intake.twinDelta({ version: 1, isFull: false, patch: { x: 5 }, timeUs: 0 }, 100, nowUs),
      false,
    );
    assert.equal(
      intake.twinDelta({ version: 3, isFull: false, patch: { x: 11 }, timeUs: 0 }, 200, nowUs),
      true,
    );
    assert.equal(firings.length, 0);
    assert.equal(
      intake.twinDelta({ version: 3, isFull: true, patch: { x: 11 }, timeUs: 0 }, 300, nowUs),
      false,
    );
    assert.deepEqual(
      firings.map(({ plan, sampleTimeUs }) => [plan.name, sampleTimeUs]),
      [["t", 300]],
    );
    assert.deepEqual(engine.twin(slot), { x: 11 });
  });

  test("an event is counted, and handed on with its part and its instant", () => {
    const told: unknown[] = [];
    const listening = new Ingest({
      engine,
      maxMetrics: 4,
      onEvent: (...event) => told.push(event),
    });
    const event = { type: "tool_call", attributes: { tool: "search" }, timeUs: 100 };
    const of = { slot, partName: "app", partIndex: 1, incarnation: "life-1" };
    listening.open(of).event(event, 1_000_100, 1_000_100);
    assert.equal(listening.counters.events, 1);
    assert.deepEqual(told, [[slot, "app", event, 1_000_100]]);
  });

  test("a state beyond its bounds is refused with its size and the limit", () => {
    const tell = (patch: JsonObject, version: number): boolean =>
      intake.twinDelta({ version, isFull: true, patch, timeUs: 0 }, 400, nowUs);
    tell({ x: 1 }, 1);
    assert.throws(() => tell({ y: "z".repeat(70_000) }, 2), {
      code: "PAYLOAD_TOO_LARGE",
      message: "the state of part app has 70009 bytes as JSON; at most 65536 are kept",
    });
    let deep: JsonObject = {};
    for (let level = 0; level < 16; level += 1) deep = { deep };
    assert.throws(() => tell(deep, 2), { code: "PAYLOAD_TOO_LARGE", message: /more than 16 deep/ });
    assert.equal(ingest.counters.refusedTwinDeltas, 2);
    assert.deepEqual(engine.twin(slot), { x: 1 });
  });

  test("a twin belongs to one tenant of its slot", () => {
    intake.twinDelta({ version: 1, isFull: false, patch: { x: 5 }, timeUs: 0 }, 100, nowUs);
    engine.leave(slot, 200);
    const again = engine.join(
      { id: "a2", type: "worker", tier: "edge", labels: {}, capabilities: [] },
      300,
    );
    assert.equal(again, slot);
    const next = ingest.open({ slot, partName: "app", partIndex: 1, incarnation: "life-1" });
    next.twinDelta({ version: 1, isFull: false, patch: { y: 1 }, timeUs: 0 }, 400, nowUs);
    assert.deepEqual(engine.twin(slot), { y: 1 });
    ingest.forget(slot);
  });
});
