import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { columnForms, type PackedSamples, SamplePacker } from "@myelin/core/wire";
import { originUs, type WireAgent, World } from "./test-support.ts";

const worldOf = (): World => new World(() => new MyelinError("RESOURCE_EXHAUSTED", "no slot"));

/** An agent whose session has declared the metric `m`, and the packer of its samples. */
function packingAgent(world: World): { agent: WireAgent; pack: (value: number) => PackedSamples } {
  const agent = world.join();
  agent.report([], { name: "m" });
  const packer = new SamplePacker(columnForms);
  let timeUs = originUs;
  const pack = (value: number): PackedSamples => {
    const packed = packer.pack(
      {
        count: 1,
        metrics: Uint32Array.of(1),
        values: Float64Array.of(value),
        timesUs: Float64Array.of((timeUs += 1000)),
      },
      [0, 0.01],
    );
    assert.ok(packed !== undefined);
    // What is packed is valid until the next call, and the tests keep it.
    return structuredClone(packed);
  };
  return { agent, pack };
}

const valuesOf = (world: World): number[] => world.taken.map(({ value }) => value);

function send(world: World, agent: WireAgent, packed: PackedSamples, sequence: number): void {
  agent.send((writer) => {
    writer.header(originUs, sequence);
    writer.packedSamples(packed);
  });
  world.clock.advance(0);
}

describe("packed samples", () => {
  test("are taken like others", () => {
    const world = worldOf();
    const { agent, pack } = packingAgent(world);
    for (const [index, value] of [0.5, 0.52, 0.48].entries())
      send(world, agent, pack(value), index + 2);
    assert.equal(valuesOf(world).length, 3);
    for (const [index, value] of [0.5, 0.52, 0.48].entries())
      assert.ok(Math.abs((valuesOf(world)[index] ?? Number.NaN) - value) <= 0.01);
  });

  test("are passed over when some before them are missing, and asked for in full", () => {
    const world = worldOf();
    const { agent, pack } = packingAgent(world);
    const [full, lost, behind] = [pack(0.5), pack(0.6), pack(0.7)];
    send(world, agent, full, 2);
    assert.deepEqual(agent.flow, []);
    assert.notEqual(lost.version, behind.version);
    send(world, agent, behind, 3);
    assert.deepEqual(valuesOf(world), [0.5]);
    assert.deepEqual(
      agent.flow.map(({ needsFullSamples }) => needsFullSamples),
      [true],
    );
    send(world, agent, { ...full, version: 9 }, 4);
    assert.deepEqual(valuesOf(world), [0.5, 0.5]);
    assert.equal(agent.flow.length, 1);
  });

  test("of a repeated frame are not taken again, and what follows still counts from them", () => {
    const world = worldOf();
    const { agent, pack } = packingAgent(world);
    const first = pack(0.5);
    send(world, agent, first, 2);
    send(world, agent, first, 2);
    assert.deepEqual(valuesOf(world), [0.5]);
    send(world, agent, pack(0.5), 3);
    assert.deepEqual(valuesOf(world), [0.5, 0.5]);
  });

  test("of one frame have a bound, beyond which the session ends", () => {
    const world = worldOf();
    const { agent } = packingAgent(world);
    const many: PackedSamples = {
      version: 1,
      isFull: true,
      count: 16_384,
      metrics: [1],
      baseTimeUs: originUs,
      samplesPerInstant: 16_384,
      timeSteps: [0, 0],
      forms: [],
      unchanged: Uint8Array.from({ length: 2048 }, (_, at) => (at === 0 ? 0xfe : 0xff)),
      values: new Uint8Array(8),
    };
    send(world, agent, many, 2);
    assert.equal(world.taken.length, 16_384);
    agent.send((writer) => {
      writer.packedSamples(many);
      writer.packedSamples({ ...many, count: 1, unchanged: new Uint8Array(0) });
    });
    world.clock.advance(0);
    assert.equal(agent.goodbye.code, "RESOURCE_EXHAUSTED");
    assert.equal(world.taken.length, 16_384);
  });

  test("with an id that was not declared end the session", () => {
    const world = worldOf();
    const { agent, pack } = packingAgent(world);
    send(world, agent, { ...pack(0.5), metrics: [2] }, 2);
    assert.equal(agent.goodbye.code, "PROTOCOL_ERROR");
  });
});
