import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { createMemoryTransport } from "../../packages/node/src/adapters/memory-transport/index.ts";
import { systemClock } from "../../packages/node/src/adapters/system-clock/index.ts";
import { Recorder } from "./recorder.ts";

const clock = systemClock();

test("a transport in memory is reached by its own name only", async () => {
  const transport = createMemoryTransport({ name: "here", maxFrameBytes: 100, clock });
  await transport.listen(() => assert.fail("was dialed by another name"));
  const heard = new Recorder();
  transport.dial("memory:elsewhere", heard, { maxFrameBytes: 100 });
  assert.equal((await heard.ended()).code, "UNAVAILABLE");
  assert.deepEqual(heard.calls, ["end"]);
});

test("it listens once, and again after it was closed", async () => {
  const transport = createMemoryTransport({ maxFrameBytes: 100, clock });
  const heard = new Recorder();
  await transport.listen(() => heard);
  await assert.rejects(
    transport.listen(() => heard),
    { code: "CONFLICT" },
  );
  await transport.close();
  await transport.listen(() => heard);
  const channel = transport.dial(transport.url, new Recorder(), { maxFrameBytes: 100 });
  channel.send(Uint8Array.of(1));
  await heard.received(1);
  channel.destroy();
});

test("the smaller limit of both sides counts", async () => {
  const transport = createMemoryTransport({ maxFrameBytes: 100, clock });
  const heard = new Recorder();
  await transport.listen(() => heard);
  transport.dial(transport.url, new Recorder(), { maxFrameBytes: 50 }).send(new Uint8Array(51));
  assert.equal((await heard.ended()).code, "PAYLOAD_TOO_LARGE");
});

test("on a virtual clock nothing moves until the clock does", () => {
  const virtual = new VirtualClock(0);
  const transport = createMemoryTransport({ maxFrameBytes: 100, clock: virtual });
  const heard = new Recorder();
  void transport.listen(() => heard);
  transport.dial(transport.url, new Recorder(), { maxFrameBytes: 100 }).send(Uint8Array.of(1));
  assert.equal(heard.frames.length, 0);
  virtual.advance(0);
  assert.equal(heard.frames.length, 1);
});
