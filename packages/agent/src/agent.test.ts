import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { makeLiveWorld, makeWorld, startUs } from "../test/fake-node.ts";

describe("an agent that reports", () => {
  test("sends all that one turn of the loop reported in one frame, in the order of the calls", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.report({ cpu_usage: 0.5, memory: 100 });
    agent.event("tool_call", { tool: "search" });
    agent.report({ cpu_usage: 0.6 });
    agent.state.patch({ phase: "work" });
    await clock.run(1);
    const frame = node.lastFrame;
    assert.deepEqual(frame.kinds, ["samples", "samples", "event", "samples", "twinDelta"]);
    assert.deepEqual(
      frame.samples.map(({ name, value }) => [name, value]),
      [
        ["cpu_usage", 0.5],
        ["memory", 100],
        ["cpu_usage", 0.6],
      ],
    );
    assert.deepEqual(frame.declared, ["cpu_usage", "memory"]);
    assert.equal(frame.telemetrySequence, 1);
    assert.equal(frame.sentAtUs, startUs + 1);
    assert.deepEqual(frame.events, [
      { type: "tool_call", attributes: { tool: "search" }, timeUs: startUs + 2 },
    ]);
  });

  test("declares a name once, and numbers its frames", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    for (let turn = 0; turn < 3; turn++) {
      agent.metric("cpu_usage").report(turn);
      await clock.run(10);
    }
    const frames = node.frames.filter(({ telemetrySequence }) => telemetrySequence > 0);
    assert.deepEqual(
      frames.map((frame) => [
        frame.telemetrySequence,
        frame.declared.length,
        frame.samples[0]?.value,
      ]),
      [
        [1, 1, 0],
        [2, 0, 1],
        [3, 0, 2],
      ],
    );
  });

  test("keeps the time it is given, also when it goes back within a turn", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.report({ x: 1 }, { timeUs: startUs + 500.7 });
    agent.report({ x: 2 }, { timeUs: startUs + 100 });
    agent.report({ x: 3 }, { timeUs: startUs + 900 });
    await clock.run(1);
    assert.deepEqual(
      node.samples.map(({ timeUs }) => timeUs - startUs),
      [500, 100, 900],
    );
  });

  test("takes NaN and infinities as values, and refuses what is no number or no name", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.report({ x: Number.NaN, y: Number.NEGATIVE_INFINITY });
    await clock.run(1);
    assert.deepEqual(
      node.samples.map(({ value }) => value),
      [Number.NaN, Number.NEGATIVE_INFINITY],
    );
    const wrong = { x: "1" } as unknown as Record<string, number>;
    assert.throws(() => agent.report(wrong), { code: "INVALID_ARGUMENT" });
    assert.throws(() => agent.report({ "no name": 1 }), { code: "INVALID_ARGUMENT" });
    assert.throws(() => agent.report({ x: 1 }, { timeUs: -1 }), { code: "INVALID_ARGUMENT" });
  });

  test("splits a turn of many samples into frames that stay small", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    const metric = agent.metric("x");
    for (let index = 0; index < 20_000; index++) metric.report(index);
    await clock.run(1);
    assert.equal(node.samples.length, 20_000);
    assert.ok(node.frames.length > 3 && node.frames.length < 20, `${node.frames.length} frames`);
    assert.deepEqual(
      node.samples.map(({ value }) => value),
      Array.from({ length: 20_000 }, (_, index) => index),
    );
  });

  test("drops and counts samples of more metrics than the node takes", async () => {
    const limits = { maxFrameBytes: 1e6, maxMetrics: 2, maxOutstandingInstructions: 1 };
    const { clock, node, agent } = await makeLiveWorld({ node: { welcome: { limits } } });
    agent.report({ a: 1, b: 2, c: 3 });
    await clock.run(1);
    assert.deepEqual(
      node.samples.map(({ name }) => name),
      ["a", "b"],
    );
    assert.equal(agent.statistics.droppedSamples, 1);
  });
});

describe("an agent that answers", () => {
  test("acknowledges an instruction as received and executed in one frame, with the result", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.on("restart", async (instruction) => ({ restarted: instruction.args["who"] ?? null }));
    await clock.run(1);
    node.instruct({ id: "i1", args: { who: "me" } });
    await clock.run(1);
    const frame = node.lastFrame;
    assert.deepEqual(
      frame.acknowledgements.map(({ instructionId, status }) => [instructionId, status]),
      [
        ["i1", "received"],
        ["i1", "executed"],
      ],
    );
    assert.deepEqual(frame.acknowledgements[1]?.result, { restarted: "me" });
    assert.equal(frame.acknowledgements[1]?.begunAtUs, clock.nowUs() - 1);
  });

  test("answers pings of the node at once", async () => {
    const { clock, node } = await makeLiveWorld();
    node.send((writer) => writer.ping({ sentAtUs: 5, timeLine: "" }));
    await clock.run(1);
    assert.equal(node.lastFrame.pongs[0]?.pingSentAtUs, 5);
  });

  test("has its handlers declared in the turn after the welcome, for which the node waits", async () => {
    const { clock, node, agent } = makeWorld();
    void agent.connect().then(() => {
      agent.on("restart", () => null, { idempotent: true });
      agent.on("stop", () => null);
    });
    await clock.run(1);
    assert.deepEqual(
      node.hellos.map(({ actions, actionsFollow }) => [actions, actionsFollow]),
      [
        [[], true],
        [
          [
            { name: "restart", isIdempotent: true },
            { name: "stop", isIdempotent: false },
          ],
          false,
        ],
      ],
    );
    assert.equal(node.hellos[1]?.resume?.sessionId, "s1");
    node.cut();
    await clock.run(200_000);
    assert.equal(node.hellos.length, 3);
    assert.equal(node.hellos[2]?.actionsFollow, false);
  });

  test("declares handlers that it has before it connects in the first hello", async () => {
    const { clock, node, agent } = makeWorld();
    agent.on("restart", () => null);
    void agent.connect();
    await clock.run(1);
    assert.equal(node.hellos.length, 1);
    assert.deepEqual([node.hellos[0]?.actions.length, node.hellos[0]?.actionsFollow], [1, false]);
  });

  test("tells the node of a later handler by a hello of the same session", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    const before = node.hellos.length;
    agent.on("restart", () => null, { idempotent: true });
    agent.on("stop", () => null);
    await clock.run(1);
    assert.equal(node.hellos.length, before + 1);
    assert.deepEqual(
      node.hellos.at(-1)?.actions.map(({ name }) => name),
      ["restart", "stop"],
    );
    assert.equal(agent.status.state, "live");
    assert.throws(() => agent.on("stop", () => null), { code: "ALREADY_EXISTS" });
  });

  test("takes a handler away again", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    const remove = agent.on("restart", () => null);
    await clock.run(1);
    remove();
    await clock.run(1);
    assert.deepEqual(node.hellos.at(-1)?.actions, []);
    node.instruct({ id: "i1" });
    await clock.run(1);
    assert.equal(node.acknowledgements[0]?.error?.code, "NO_HANDLER");
  });
});

describe("an agent that leaves", () => {
  test("sends what it reported, says goodbye, and is closed", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.report({ x: 1 });
    const closed = agent.close();
    await clock.run(2e6);
    await closed;
    assert.equal(node.samples.length, 1);
    assert.equal(node.lastFrame.goodbyes[0]?.code, "");
    assert.deepEqual(agent.status, { state: "closed" });
    await assert.rejects(agent.flush(), { code: "CANCELED" });
  });

  test("lets a handler that runs come to its end", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.on(
      "restart",
      () => new Promise((resolve) => clock.schedule(300_000, () => resolve("done"))),
    );
    node.instruct({ id: "i1" });
    await clock.run(1);
    void agent.close();
    node.instruct({ id: "i2" });
    await clock.run(400_000);
    assert.deepEqual(
      node.acknowledgements.map(({ instructionId, status }) => [instructionId, status]),
      [
        ["i1", "received"],
        ["i2", "rejected"],
        ["i1", "executed"],
      ],
    );
    assert.equal(agent.status.state, "closed");
  });

  test("waits a second at most, and aborts what still runs", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    let signal: AbortSignal | undefined;
    agent.on("restart", (_, context) => {
      signal = context.signal;
      return new Promise(() => {});
    });
    node.instruct({ id: "i1", timeoutUs: 60e6 });
    await clock.run(1);
    void agent.close();
    await clock.run(999_000);
    assert.equal(agent.status.state, "live");
    await clock.run(2000);
    assert.equal(agent.status.state, "closed");
    assert.equal(signal?.aborted, true);
  });

  test("closes at once while no node is there", async () => {
    const { clock, node, agent } = makeWorld();
    node.isUp = false;
    const connected = assert.rejects(agent.connect(), { code: "CANCELED" });
    await clock.run(1000);
    await agent.close();
    await connected;
    assert.equal(agent.status.state, "closed");
    assert.equal(clock.nextDueUs, Number.POSITIVE_INFINITY);
  });
});

test("connect waits for a node that is not up yet", async () => {
  const { clock, node, agent } = makeWorld();
  node.isUp = false;
  let isConnected = false;
  void agent.connect().then(() => {
    isConnected = true;
  });
  await clock.run(3e6);
  assert.equal(agent.status.state, "waiting");
  assert.equal(isConnected, false);
  node.isUp = true;
  await clock.run(6e6);
  assert.equal(isConnected, true);
});

test("connect gives up when its time is over or its caller says so", async () => {
  const timed = makeWorld();
  timed.node.isUp = false;
  const timedOut = assert.rejects(timed.agent.connect({ timeoutMs: 500 }), { code: "TIMEOUT" });
  await timed.clock.run(600_000);
  await timedOut;
  const aborted = makeWorld();
  aborted.node.isUp = false;
  const controller = new AbortController();
  const reason = new Error("enough");
  const gaveUp = assert.rejects(aborted.agent.connect({ signal: controller.signal }), reason);
  await aborted.clock.run(1000);
  controller.abort(reason);
  await gaveUp;
  assert.equal(aborted.agent.status.state, "closed");
});

test("connect that gives up tells why its last try failed", async () => {
  const { clock, node, agent } = makeWorld();
  node.isUp = false;
  const connected = agent.connect({ timeoutMs: 500 }).catch((thrown: unknown) => thrown);
  await clock.run(600_000);
  const error = MyelinError.from(await connected);
  const cause = MyelinError.from(error.cause);
  assert.equal(error.code, "TIMEOUT");
  assert.equal(cause.code, "UNAVAILABLE");
  assert.equal(error.message, `no welcome within 500 ms: ${cause.message}`);
});

test("flush resolves once the node has confirmed what was reported", async () => {
  const { clock, node, agent } = await makeLiveWorld();
  agent.report({ x: 1 });
  let isFlushed = false;
  const flushed = agent.flush().then(() => {
    isFlushed = true;
  });
  assert.equal(isFlushed, false);
  await clock.run(1);
  await flushed;
  assert.equal(node.samples.length, 1);
  assert.equal(agent.statistics.bufferedBytes, 0);
});

test("flush while the node is away resolves after the agent is live again", async () => {
  const { clock, node, agent } = await makeLiveWorld();
  node.isUp = false;
  node.cut();
  await clock.run(1);
  agent.report({ x: 1 });
  let isFlushed = false;
  void agent.flush().then(() => {
    isFlushed = true;
  });
  await clock.run(1e6);
  assert.equal(isFlushed, false);
  node.isUp = true;
  await clock.run(6e6);
  assert.equal(isFlushed, true);
});

test("vouching for another part is told at once, and again to a node that comes back", async () => {
  const { clock, node, agent } = await makeLiveWorld();
  agent.vouch("app", "paused");
  await clock.run(1);
  assert.deepEqual(node.lastFrame.partStates, [{ part: "app", state: "paused" }]);
  node.restart();
  await clock.run(1e6);
  assert.equal(node.frames.flatMap((frame) => frame.partStates).length, 2);
  assert.throws(() => agent.vouch("no part", "paused"), { code: "INVALID_ARGUMENT" });
});
