import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AgentStatus, createAgent } from "../index.ts";
import { makeLiveWorld, makeWorld } from "../../test/fake-node.ts";

describe("an agent whose connection breaks", () => {
  test("resumes the session, sends again what the node has not got, and nothing twice", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.report({ a: 1 });
    await clock.run(1);
    agent.report({ b: 2 });
    await Promise.resolve();
    node.cut();
    await clock.run(1);
    agent.report({ c: 3 });
    await clock.run(200_000);
    assert.deepEqual(
      node.samples.map(({ name, value }) => [name, value]),
      [
        ["a", 1],
        ["b", 2],
        ["c", 3],
      ],
    );
    assert.deepEqual(
      node.frames.flatMap(({ telemetrySequence }) => telemetrySequence || []),
      [1, 2, 3],
    );
    assert.equal(node.hellos[0]?.resume, undefined);
    assert.deepEqual(node.hellos.at(-1)?.resume, { sessionId: "s1", resumeToken: "token-of-s1" });
    assert.equal(agent.status.state === "live" && agent.status.isResumed, true);
    assert.equal(agent.statistics.reconnects, 1);
  });

  test("declares the names that were lost again, and only those", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.report({ a: 1 });
    await clock.run(1);
    agent.report({ b: 2 });
    await Promise.resolve();
    node.cut();
    await clock.run(200_000);
    agent.report({ a: 3, b: 4 });
    await clock.run(1);
    assert.deepEqual(
      node.frames.flatMap(({ declared }) => declared),
      ["a", "b"],
    );
  });

  test("joins a node that has forgotten it anew: all names, new numbers, all that was not confirmed", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.report({ a: 1 });
    await clock.run(1);
    agent.report({ b: 2 });
    await clock.run(1);
    const before = node.frames.length;
    node.restart();
    await clock.run(200_000);
    const again = node.frames.slice(before);
    assert.deepEqual(
      again.flatMap(({ telemetrySequence }) => telemetrySequence || []),
      [1, 2],
    );
    assert.deepEqual(
      again.flatMap(({ samples }) => samples.map(({ name }) => name)),
      ["a", "b"],
    );
    assert.equal(agent.status.state === "live" && agent.status.isResumed, false);
  });

  test("sends nothing again that a pong has confirmed", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.report({ a: 1 });
    await clock.run(1_100_000);
    assert.equal(agent.statistics.bufferedBytes, 0);
    node.restart();
    await clock.run(200_000);
    assert.equal(node.samples.length, 1);
  });

  test("gathers many turns into few frames while it is away", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    node.cut();
    await clock.run(1);
    for (let turn = 0; turn < 50; turn++) {
      agent.report({ a: turn });
      await Promise.resolve();
    }
    await clock.run(200_000);
    assert.deepEqual(
      node.samples.map(({ value }) => value),
      Array.from({ length: 50 }, (_, turn) => turn),
    );
    assert.equal(node.frames.filter(({ telemetrySequence }) => telemetrySequence > 0).length, 1);
  });

  test("keeps the newest of what it cannot send, and tells the node how much it dropped", async () => {
    const { clock, node, agent } = await makeLiveWorld({ agent: { bufferBytes: 16_384 } });
    node.isUp = false;
    node.cut();
    await clock.run(1);
    for (let number = 0; number < 5000; number++) {
      agent.report({ a: number });
      if (number % 100 === 0) agent.event("hundred", { number });
      await Promise.resolve();
    }
    assert.ok(agent.statistics.bufferedBytes <= 16_384);
    node.isUp = true;
    await clock.run(6e6);
    const { droppedSamples, droppedEvents } = agent.statistics;
    assert.ok(droppedSamples > 1000);
    assert.equal(node.samples.length + droppedSamples, 5000);
    assert.equal(node.events.length + droppedEvents, 50);
    assert.equal(node.samples.at(-1)?.value, 4999);
    assert.equal(node.samples[0]?.value, droppedSamples);
    const told = node.frames.flatMap(({ flowControls }) => flowControls).at(-1);
    assert.deepEqual([told?.droppedSamples, told?.droppedEvents], [droppedSamples, droppedEvents]);
  });

  test("tells the whole twin to whoever takes it up, before other telemetry", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.state.set({ phase: "idle", load: { cpu: 1, memory: 2 } });
    agent.state.patch({ phase: "work" });
    await clock.run(1);
    assert.deepEqual(
      node.lastFrame.twinDeltas.map(({ version, isFull, patch }) => [version, isFull, patch]),
      [
        [1, true, { phase: "idle", load: { cpu: 1, memory: 2 } }],
        [2, false, { phase: "work" }],
      ],
    );
    node.cut();
    await clock.run(1);
    agent.state.patch({ load: { cpu: null } });
    agent.report({ a: 1 });
    await clock.run(200_000);
    const taken = node.frames.filter(({ twinDeltas }) => twinDeltas.length > 0).at(-1);
    assert.deepEqual(taken?.twinDeltas[0]?.patch, { phase: "work", load: { memory: 2 } });
    assert.deepEqual([taken?.twinDeltas[0]?.version, taken?.twinDeltas[0]?.isFull], [3, true]);
    assert.ok((taken?.kinds.indexOf("twinDelta") ?? 9) < (taken?.kinds.indexOf("samples") ?? 0));
    assert.deepEqual(agent.state.get(), { phase: "work", load: { memory: 2 } });
  });

  test("waits longer from try to try, within bounds, and never gives up", async () => {
    const { clock, node, agent } = makeWorld();
    node.isUp = false;
    const waits: number[] = [];
    agent.onStatus((status) => {
      if (status.state === "waiting") waits.push(status.retryAtUs - clock.nowUs());
    });
    void agent.connect();
    await clock.run(600e6);
    assert.ok(waits.length > 150);
    waits.forEach((waitUs, index) => {
      assert.ok(waitUs >= 0 && waitUs <= Math.min(100_000 * 2 ** index, 5e6));
    });
    const late = waits.slice(10);
    const meanUs = late.reduce((sum, waitUs) => sum + waitUs, 0) / late.length;
    assert.ok(meanUs > 2e6 && meanUs < 3e6, `mean ${meanUs}`);
    node.isUp = true;
    await clock.run(5e6);
    assert.equal(agent.status.state, "live");
  });

  test("gives up a try that brings no welcome in time", async () => {
    const { clock, node, agent } = makeWorld();
    node.isWelcoming = false;
    void agent.connect();
    let waiting = 0;
    agent.onStatus(({ state }) => {
      if (state === "waiting") waiting++;
    });
    await clock.run(9_900_000);
    assert.equal(waiting, 0);
    node.isWelcoming = true;
    await clock.run(300_000);
    assert.equal(waiting, 1);
    assert.equal(agent.status.state, "live");
  });

  test("counts a node that says nothing for four heartbeats as gone", async () => {
    const { clock, node, agent } = await makeLiveWorld({ node: { isSilent: true } });
    await clock.run(4_900_000);
    assert.equal(agent.status.state, "live");
    let cause = "";
    agent.onStatus((status) => {
      if (status.state === "waiting") cause = status.cause.code;
    });
    await clock.run(200_000);
    assert.equal(cause, "HEARTBEAT_LOST");
    node.options = {};
    await clock.run(1e6);
    assert.equal(agent.status.state, "live");
  });

  test("ends a connection whose frames cannot be read, and tries again", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    node.link.send(Uint8Array.of(0xff, 0xff));
    await clock.run(1);
    assert.equal(node.lastFrame.goodbyes[0]?.code, "PROTOCOL_ERROR");
    assert.equal(agent.status.state === "waiting" && agent.status.cause.code, "PROTOCOL_ERROR");
    await clock.run(200_000);
    assert.equal(agent.status.state, "live");
  });
});

describe("an agent that the node sends away", () => {
  test("does not come back after another has taken over", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    const statuses: AgentStatus[] = [];
    agent.onStatus((status) => statuses.push(status));
    node.send((writer) =>
      writer.goodbye({ code: "TAKEN_OVER", message: "newer", canResume: false, isFinal: true }),
    );
    await clock.run(60e6);
    assert.equal(statuses.length, 1);
    assert.equal(agent.status.state === "closed" && agent.status.cause?.code, "TAKEN_OVER");
    assert.equal(node.dialed.length, 1);
    await assert.rejects(agent.flush(), { code: "TAKEN_OVER" });
  });

  test("learns at once that its token is refused", async () => {
    const { clock, node, agent } = makeWorld({ agent: { token: "wrong" } });
    node.isWelcoming = false;
    const refused = assert.rejects(agent.connect(), { code: "UNAUTHENTICATED" });
    await clock.run(1);
    assert.equal(node.hellos[0]?.token, "wrong");
    node.send((writer) =>
      writer.goodbye({ code: "UNAUTHENTICATED", message: "no", canResume: false, isFinal: true }),
    );
    await clock.run(1);
    await refused;
    await assert.rejects(agent.connect(), { code: "UNAUTHENTICATED" });
  });

  test("comes back to a node that drains, with its session", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    node.send((writer) =>
      writer.goodbye({ code: "NODE_DRAINING", message: "", canResume: true, isFinal: false }),
    );
    await clock.run(200_000);
    assert.equal(node.hellos.at(-1)?.resume?.sessionId, "s1");
    assert.equal(agent.status.state, "live");
  });

  test("asks for a new session when the old one is over", async () => {
    const { clock, node } = await makeLiveWorld();
    node.send((writer) =>
      writer.goodbye({ code: "SESSION_EXPIRED", message: "", canResume: false, isFinal: false }),
    );
    await clock.run(200_000);
    assert.equal(node.hellos.at(-1)?.resume, undefined);
  });

  test("goes where it is sent, once, and comes home when that fails", async () => {
    const { clock, node, agent } = makeWorld({ node: { welcome: { redirectUrl: "memory:n2" } } });
    void agent.connect();
    await clock.run(1);
    assert.deepEqual(node.dialed.slice(0, 2), ["memory:n1", "memory:n2"]);
    assert.equal(agent.status.state, "waiting");
    node.options = {};
    await clock.run(200_000);
    assert.equal(node.dialed.at(-1), "memory:n1");
    assert.equal(agent.status.state, "live");
  });

  test("does not hear what the node that sent it on says behind that", async () => {
    const { clock, node, agent } = makeWorld({ node: { welcome: { redirectUrl: "memory:n2" } } });
    const goodbye = { code: "UNAVAILABLE", message: "gone", canResume: true, isFinal: false };
    node.behindWelcome = (writer) => writer.goodbye(goodbye);
    void agent.connect();
    agent.onStatus(() => {
      if (node.dialed.length < 2) return;
      node.options = {};
      node.behindWelcome = () => undefined;
    });
    await clock.run(1);
    assert.equal(agent.status.state === "live" && agent.status.url, "memory:n2");
  });

  test("goes on with its session when it came home meanwhile and is sent back", async () => {
    const { clock, node, agent } = makeWorld({ node: { welcome: { redirectUrl: "memory:n2" } } });
    void agent.connect();
    const sent = node.options;
    let isAway = false;
    agent.onStatus(() => {
      node.options = node.dialed.at(-1) === "memory:n2" && !isAway ? {} : sent;
    });
    await clock.run(1);
    const sessionId = agent.status.state === "live" ? agent.status.sessionId : undefined;
    assert.ok(sessionId !== undefined);
    isAway = true;
    node.cut();
    await clock.run(30_000);
    isAway = false;
    await clock.run(400_000);
    assert.equal(agent.status.state, "live");
    assert.ok(node.dialed.slice(2).includes("memory:n1"), String(node.dialed));
    assert.equal(node.hellos.at(-1)?.resume?.sessionId, sessionId);
  });

  test("stays where it was sent when that connection breaks", async () => {
    const { clock, node, agent } = makeWorld({ node: { welcome: { redirectUrl: "memory:n2" } } });
    void agent.connect();
    agent.onStatus(() => {
      node.options = node.dialed.length > 1 ? {} : node.options;
    });
    await clock.run(1);
    assert.equal(agent.status.state === "live" && agent.status.url, "memory:n2");
    node.cut();
    await clock.run(200_000);
    assert.deepEqual(node.dialed, ["memory:n1", "memory:n2", "memory:n2"]);
  });
});

describe("an agent that is told to go slow", () => {
  test("holds its telemetry while the node says so, and still answers", async () => {
    const { clock, node, agent } = await makeLiveWorld();
    agent.on("restart", () => null);
    const pause = (isTelemetryPaused: boolean): void =>
      node.send((writer) => {
        const none = {
          droppedSamples: 0,
          droppedEvents: 0,
          shedFrames: 0,
          needsFullSamples: false,
        };
        writer.flowControl({ ...none, isTelemetryPaused });
      });
    pause(true);
    await clock.run(1);
    agent.report({ a: 1 });
    agent.state.patch({ phase: "held" });
    node.instruct({ id: "i1" });
    await clock.run(1);
    assert.equal(node.samples.length, 0);
    assert.equal(node.acknowledgements.length, 2);
    pause(false);
    await clock.run(1);
    assert.equal(node.samples.length, 1);
    assert.deepEqual(node.lastFrame.twinDeltas[0]?.patch, { phase: "held" });
  });

  test("holds its telemetry while the connection has a backlog", async () => {
    const { clock, node, agent } = await makeLiveWorld({ agent: { highWaterBytes: 10_000 } });
    node.link.pause();
    const metric = agent.metric("a");
    for (let index = 0; index < 20_000; index++) metric.report(index);
    await clock.run(50_000);
    assert.equal(node.samples.length, 0);
    const heldBytes = agent.statistics.bufferedBytes;
    assert.ok(heldBytes > 150_000, `${heldBytes} bytes are held`);
    node.link.resume();
    await clock.run(50_000);
    assert.equal(node.samples.length, 20_000);
    assert.equal(agent.statistics.droppedSamples, 0);
  });

  test("asks for a confirmation when much is unconfirmed, so that nothing is dropped", async () => {
    const { clock, node, agent } = await makeLiveWorld({ agent: { bufferBytes: 65_536 } });
    for (let turn = 0; turn < 40; turn++) {
      agent.event("large", { text: "x".repeat(4000) });
      await clock.run(100);
    }
    assert.equal(node.events.length, 40);
    assert.ok(node.frames.flatMap(({ pings }) => pings).length >= 4);
    node.restart();
    await clock.run(200_000);
    assert.equal(agent.statistics.droppedEvents, 0);
  });
});

test("an address that is none closes the agent with the reason", async () => {
  const agent = createAgent({ id: "a1", url: "ftp://nowhere" });
  await assert.rejects(agent.connect(), { code: "INVALID_ARGUMENT" });
  assert.equal(agent.status.state, "closed");
});
