import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { columnForms } from "@myelin/core/wire";
import { makeLiveWorld, makeWorld, startUs } from "../test/fake-node.ts";

const packing = { welcome: { columnForms } };

describe("a metric with a tolerance", () => {
  test("reaches a node that reads packed samples within it, at its times, in a few bytes", async () => {
    const { clock, node, agent } = await makeLiveWorld({ node: packing });
    const load = agent.metric("load", { tolerance: 0.01 });
    for (let index = 0; index < 100; index++) {
      load.report(Math.sin(index / 10), { timeUs: startUs + index * 1000 });
    }
    await clock.run(1);
    assert.equal(node.samples.length, 100);
    for (const [index, { name, value, timeUs }] of node.samples.entries()) {
      assert.equal(name, "load");
      assert.equal(timeUs, startUs + index * 1000);
      assert.ok(Math.abs(value - Math.sin(index / 10)) <= 0.01);
    }
    assert.deepEqual(node.lastFrame.kinds, ["samples", "packedSamples"]);
  });

  test("keeps its tolerance for `report`, and others of the frame are exact", async () => {
    const { clock, node, agent } = await makeLiveWorld({ node: packing });
    agent.metric("load", { tolerance: 1 });
    for (let index = 0; index < 10; index++) {
      agent.report({ load: index / 7, exact: index / 7 });
      agent.event("tick", { index });
      await clock.run(1);
    }
    const valuesOf = (wanted: string): number[] =>
      node.samples.filter(({ name }) => name === wanted).map(({ value }) => value);
    assert.deepEqual(
      valuesOf("exact"),
      Array.from({ length: 10 }, (_, index) => index / 7),
    );
    for (const [index, value] of valuesOf("load").entries())
      assert.ok(Math.abs(value - index / 7) <= 1);
    assert.deepEqual(node.lastFrame.kinds, ["packedSamples", "event"]);
    assert.equal(node.events.length, 10);
  });

  test("goes as it is to a node that does not say that it reads packed samples", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.metric("load", { tolerance: 0.5 }).report(0.123);
    await clock.run(1);
    assert.deepEqual(node.lastFrame.kinds, ["samples", "samples"]);
    assert.equal(node.samples[0]?.value, 0.123);
  });

  test("is packed in the forms only that the node reads", async () => {
    const { clock, node, agent } = await makeLiveWorld({
      node: { welcome: { columnForms: ["f64", "f32"] } },
    });
    agent.metric("load", { tolerance: 0.5 }).report(1 / 3);
    await clock.run(1);
    assert.deepEqual(node.lastFrame.kinds, ["samples", "packedSamples"]);
    assert.equal(node.samples[0]?.value, Math.fround(1 / 3));
  });

  test("is full in each session's first packed samples, and over each new connection", async () => {
    const { clock, node, agent } = await makeLiveWorld({ node: packing });
    const load = agent.metric("load", { tolerance: 0.01 });
    const reported: number[] = [];
    const report = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index++) {
        reported.push(reported.length / 30);
        load.report(reported.length / 30 - 1 / 30);
        await clock.run(1);
      }
    };
    await report(3);
    node.cut();
    await report(3);
    await clock.run(1_000_000);
    await report(3);
    node.restart();
    await report(3);
    await clock.run(1_000_000);
    await report(3);
    const fulls = node.frames.flatMap(({ packed }) => packed).filter(({ isFull }) => isFull);
    assert.equal(fulls.length, 3);
    // What was not confirmed when the node forgot its sessions came twice, as ever.
    const seen = node.samples.map(({ value }) => value);
    for (const value of reported) assert.ok(seen.some((shown) => Math.abs(shown - value) <= 0.01));
    for (const shown of seen) assert.ok(reported.some((value) => Math.abs(shown - value) <= 0.01));
  });

  test("is full again when the node lacks what it counts from", async () => {
    const { clock, node, agent } = await makeLiveWorld({ node: packing });
    const load = agent.metric("load", { tolerance: 0.01 });
    const isNextFull = async (): Promise<boolean | undefined> => {
      load.report(0.5);
      await clock.run(1);
      return node.lastFrame.packed[0]?.isFull;
    };
    assert.equal(await isNextFull(), true);
    assert.equal(await isNextFull(), false);
    node.send((writer) => {
      const none = { droppedSamples: 0, droppedEvents: 0, shedFrames: 0, isTelemetryPaused: false };
      writer.flowControl({ ...none, needsFullSamples: true });
    });
    await clock.run(1);
    assert.equal(await isNextFull(), true);
    assert.equal(await isNextFull(), false);
  });

  test("must be a finite number that is not negative", () => {
    const { agent } = makeWorld();
    for (const tolerance of [-1, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => agent.metric("load", { tolerance }), { code: "INVALID_ARGUMENT" });
    agent.metric("load", { tolerance: 0 });
  });
});

test("many samples of a frame are packed without any tolerance, and are exact", async () => {
  const { clock, node, agent } = await makeLiveWorld({ node: packing });
  const given = Array.from({ length: 100 }, (_, index) => (index % 3 === 0 ? index / 3 : index));
  for (const value of given) agent.report({ x: value, y: -0 });
  await clock.run(1);
  assert.deepEqual(node.lastFrame.kinds, ["samples", "packedSamples"]);
  const values = node.samples.filter(({ name }) => name === "x").map(({ value }) => value);
  assert.deepEqual(values, given);
  assert.ok(
    node.samples.filter(({ name }) => name === "y").every(({ value }) => Object.is(value, -0)),
  );
});
