import assert from "node:assert/strict";
import { test } from "node:test";
import { type Channel, type ChannelEnd, memoryChannel } from "@myelin/core/channel";
import { MyelinError } from "@myelin/core/errors";
import type { EncodingName } from "@myelin/core/wire";
import { World } from "./test-support.ts";

const second = 1_000_000;

/** A person at a keyboard, or a script: says what it is told to, as text, and keeps all that comes. */
class Typist {
  readonly heard: Record<string, unknown>[] = [];
  end: ChannelEnd | undefined;
  readonly #channel: Channel;
  readonly #world: World;

  constructor(world: World, encoding: EncodingName = "json") {
    this.#world = world;
    this.#channel = memoryChannel(
      { clock: world.clock, encoding },
      { onFrame: (frame) => this.#onFrame(frame), onEnd: (end) => (this.end = end) },
      (channel) =>
        world.station.accept(channel, { transport: "memory", address: "here", isLoopback: true }),
    );
  }

  say(...said: unknown[]): void {
    for (const each of said) {
      const text = typeof each === "string" ? each : JSON.stringify(each);
      this.#channel.send(new TextEncoder().encode(text));
    }
    this.#world.clock.advance(0);
  }

  count(kind: string): number {
    return this.heard.filter((operation) => Object.hasOwn(operation, kind)).length;
  }

  #onFrame(frame: Uint8Array): void {
    const { operations } = JSON.parse(new TextDecoder().decode(frame)) as {
      readonly operations: Record<string, unknown>[];
    };
    this.heard.push(...operations);
  }
}

function worldOf(): World {
  const world = new World(() => new MyelinError("RESOURCE_EXHAUSTED", "full"));
  world.station.start();
  return world;
}

const hello = { hello: { agent_id: "w1", actions: [{ name: "stop" }] } };

test("a conversation can be typed: what is left out is what it must be", () => {
  const world = worldOf();
  const typist = new Typist(world);
  typist.say(hello);
  assert.deepEqual(
    typist.heard.map((operation) => Object.keys(operation)[0]),
    ["welcome", "ping"],
  );
  world.clock.advance(3 * second);
  typist.say({ samples: { names: [{ id: 1, name: "cpu" }], metrics: [1], values: [0.5] } }, [
    { event: { type: "began" } },
    { twin_delta: { version: 1, is_full: true, patch: { mode: "busy" } } },
  ]);
  const nowUs = world.clock.nowUs();
  assert.deepEqual(
    world.taken.map(({ kind, name, timeUs }) => [kind, name, timeUs]),
    [
      ["sample", "cpu", nowUs],
      ["event", "began", nowUs],
      ["twin", "twin", nowUs],
    ],
  );
  typist.say({ goodbye: {} });
  world.clock.advance(second);
  assert.deepEqual(world.told, ["attached w1/app", "detached w1/app -"]);
});

test("who types is not pinged, and may be silent for as long as it likes", () => {
  const world = worldOf();
  const typist = new Typist(world);
  typist.say(hello);
  world.clock.advance(600 * second);
  assert.equal(typist.count("ping"), 1);
  assert.equal(typist.end, undefined);
  assert.equal(world.station.sessionCount, 1);
  assert.ok(world.ages.every(({ seconds }) => seconds === 0));
});

test("who has begun with heartbeats keeps them, in JSON too", () => {
  for (const first of [{ ping: {} }, { pong: { ping_sent_at_us: 1 } }]) {
    const world = worldOf();
    const typist = new Typist(world);
    typist.say(hello, first);
    world.clock.advance(9 * second);
    assert.ok(typist.count("ping") > 10);
    world.clock.advance(3 * second);
    assert.notEqual(typist.end, undefined);
  }
});

test("a text that cannot be read costs its sender the session, with the code and the field", () => {
  const world = worldOf();
  const [careless, other] = [new Typist(world), new Typist(world)];
  other.say({ hello: { agent_id: "w2" } });
  careless.say(hello, { samples: { values: "high" } }, { ping: {} });
  world.clock.advance(second);
  const goodbye = careless.heard.at(-1)?.["goodbye"] as Record<string, unknown>;
  assert.equal(goodbye["code"], "PROTOCOL_ERROR");
  assert.match(String(goodbye["message"]), /samples\.values is no list/);
  assert.notEqual(careless.end, undefined);
  assert.equal(world.station.sessionCount, 1);
  assert.equal(other.end, undefined);
});

test("a hello of another major version is refused for good, in words that JSON can carry", () => {
  const typist = new Typist(worldOf());
  typist.say({ hello: { agent_id: "w1", protocol_version: 2 } });
  const goodbye = typist.heard.at(-1)?.["goodbye"] as Record<string, unknown>;
  assert.deepEqual([goodbye["code"], goodbye["is_final"]], ["UNSUPPORTED_VERSION", true]);
});
