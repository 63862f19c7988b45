import assert from "node:assert/strict";
import { test } from "node:test";
import { columnForms, SamplePacker } from "@myelin/core/wire";
import fc from "fast-check";
import { Engine } from "../engine/index.ts";
import { Ingest, type SessionIntake } from "./index.ts";

const agentTolerances = [0.01, 0.5, 0, 100];

/** An engine with one agent per entry, each with a session that has declared the metric `m`. */
function makeSessions(): {
  engine: Engine;
  slots: number[];
  sessions: SessionIntake[];
  ingest: Ingest;
} {
  const engine = new Engine({
    maxAgents: 10,
    maxMetrics: 8,
    futureToleranceUs: 60e6,
    hooks: { onFiring: () => undefined },
  });
  const ingest = new Ingest({ engine, maxMetrics: 4 });
  const slots: number[] = [];
  const sessions = agentTolerances.map((_, index) => {
    const attributes = { type: "worker", tier: "edge", labels: {}, capabilities: [] } as const;
    const slot = engine.join({ id: `a${index}`, ...attributes }, 0);
    slots.push(slot);
    engine.startTimeLine(slot, 1, "line-1");
    const session = ingest.open({ slot, partName: "app", partIndex: 1, incarnation: "x" });
    const none = { count: 0, metrics: new Uint32Array(0), values: new Float64Array(0) };
    const names = [{ id: 1, name: "m" }];
    session.samples({ ...none, names, timesUs: new Float64Array(0), isOneInstant: true }, 0);
    return session;
  });
  return { engine, slots, sessions, ingest };
}

test("what rules see is never further off than the tolerance, whatever arrives and whatever is lost", () => {
  const step = fc.record({
    session: fc.nat(agentTolerances.length - 1),
    values: fc.array(fc.oneof(fc.double({ min: -3, max: 3, noNaN: true }), fc.double()), {
      minLength: 1,
      maxLength: 20,
    }),
    isLost: fc.boolean(),
    isRepaired: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { engine, slots, sessions, ingest } = makeSessions();
      const packers = agentTolerances.map(() => new SamplePacker(columnForms));
      let nowUs = 10e6;
      let missed = 0;
      for (const { session: index, values, isLost, isRepaired } of steps) {
        const [packer, session, slot] = [packers[index], sessions[index], slots[index]];
        assert.ok(packer !== undefined && session !== undefined && slot !== undefined);
        const tolerance = agentTolerances[index] ?? 0;
        const times = values.map(() => (nowUs += 1000));
        const packed = packer.pack(
          {
            count: values.length,
            metrics: new Uint32Array(values.length).fill(1),
            values: Float64Array.from(values),
            timesUs: Float64Array.from(times),
          },
          [0, tolerance],
        );
        assert.ok(packed !== undefined);
        if (isLost) continue;
        const columns = session.unpack(packed);
        if (columns === undefined) {
          missed += values.length;
          if (isRepaired) packer.reset();
          continue;
        }
        session.samples(columns, 0);
        session.apply(nowUs);
        const [latest] = engine.latest(slot);
        const given = values.at(-1) ?? Number.NaN;
        assert.equal(latest?.timeUs, nowUs);
        assert.ok(Object.is(latest.value, given) || Math.abs(latest.value - given) <= tolerance);
      }
      assert.equal(ingest.counters.missedSamples, missed);
    }),
    { numRuns: 300 },
  );
});
