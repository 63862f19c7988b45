import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@myelin/core/json";
import { TestSink } from "../test-sink.ts";
import { secondUs, TestAgent, TestNode } from "../test-support.ts";

const hot = "rules: [{ name: hot, expr: cpu_usage > 0.9, action: restart }]";

/** Opens the watch of a node. */
async function watch(
  node: TestNode,
  query = "",
  headers: Record<string, string> = {},
): Promise<TestSink> {
  const answer = await node.ask("GET", `/api/v1/watch${query}`, undefined, { headers });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers?.["content-type"], "text/event-stream; charset=utf-8");
  const sink = new TestSink();
  sink.source = answer.stream?.(sink);
  await node.clock.run(0);
  return sink;
}

function told(sink: TestSink): string[] {
  return sink.events
    .filter(({ data }) => data["kind"] !== undefined)
    .map(({ data }) => `${data["kind"] as string} ${data["type"] as string}`);
}

test("an agent, its episode and the instruction of a rule are watched from begin to end", async () => {
  const node = await new TestNode().start();
  await node.apply(hot);
  const sink = await watch(node);
  const agent = await new TestAgent(node.clock).join(node);
  agent.report({ cpu_usage: 0.95, mem_usage: 0.1 });
  await node.clock.run(0);
  agent.tell(agent.only.id, "received");
  await node.clock.run(0);
  agent.tell(agent.only.id, "executed");
  await node.clock.run(0);
  agent.report({ cpu_usage: 0.2 });
  await node.clock.run(0);
  assert.deepEqual(told(sink), [
    "agents connected",
    "episodes firing",
    "instructions accepted",
    "instructions sent",
    "instructions received",
    "instructions ended",
    "episodes resolved",
  ]);
  const [, connected, firing, accepted] = sink.events;
  assert.deepEqual([connected?.data["agent"], connected?.data["part"]], ["w1", "app"]);
  assert.deepEqual([firing?.data["rule"], firing?.data["values"]], ["hot", { cpu_usage: 0.95 }]);
  assert.equal(firing?.data["instruction"], agent.only.id);
  const ended = sink.events.at(-2)?.data["instruction"] as JsonObject;
  const { json } = await node.ask("GET", `/api/v1/instructions/${agent.only.id}`);
  assert.deepEqual(ended, json);
  const taken = accepted?.data["instruction"] as JsonObject;
  assert.equal(taken["status"], "accepted");
  assert.deepEqual(sink.events.at(-1)?.data["values"], { cpu_usage: 0.2 });
});

test("an episode is shown with the values that its rule reads, but those that are unknown", async () => {
  const node = await new TestNode().start();
  await node.apply(
    "rules: [{ name: any, expr: a > 0 || b > 0 || c > 0 || d > 0, action: restart }]",
  );
  const sink = await watch(node, "?kinds=episodes");
  const agent = await new TestAgent(node.clock).join(node);
  agent.report({ a: Number.NaN, b: Number.NEGATIVE_INFINITY, c: 0.5, other: 1 });
  await node.clock.run(0);
  assert.deepEqual(sink.events.at(-1)?.data["values"], { b: "-Infinity", c: 0.5 });
});

test("what agents tell to have happened is watched, with its part, its instant and its attributes", async () => {
  const node = await new TestNode().start();
  const events = await watch(node, "?kinds=events&agent=w1");
  const ofRule = await watch(node, "?rule=hot");
  const agent = await new TestAgent(node.clock, { part: "supervisor" }).join(node);
  const other = await new TestAgent(node.clock, { id: "w2" }).join(node);
  await node.clock.run(secondUs);
  agent.event("process_exited", { code: 1, ranMs: 5310 }, 250_000);
  other.event("tool_call", { tool: "search" });
  agent.event("process_restarting", {});
  await node.clock.run(0);
  assert.deepEqual(told(events), ["events process_exited", "events process_restarting"]);
  const { cursor, time, at, ...document } = events.events[1]?.data ?? assert.fail();
  assert.ok(typeof cursor === "string" && typeof time === "string" && typeof at === "string");
  assert.deepEqual(document, {
    kind: "events",
    type: "process_exited",
    agent: "w1",
    part: "supervisor",
    attributes: { code: 1, ranMs: 5310 },
  });
  assert.match(cursor, /\.\d+$/);
  assert.equal(Date.parse(time) - Date.parse(at), 250);
  assert.deepEqual(told(ofRule), []);
  assert.equal(node.arc.ingest.counters.events, 3);
});

test("what agents tell to have happened is not kept while nobody watches", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  agent.event("tool_call", {});
  await node.clock.run(0);
  assert.equal(node.arc.watch.isRecording, false);
  const late = await watch(node, `?cursor=${node.arc.watch.life}.0`);
  assert.deepEqual(
    late.events.map(({ name }) => name),
    ["begin", "lost"],
  );
});

test("an agent that hangs, answers again, loses its connection and is forgotten is watched", async () => {
  const node = await new TestNode().start();
  const sink = await watch(node, "?kinds=agents");
  const agent = await new TestAgent(node.clock).join(node);
  await node.clock.run(3 * secondUs);
  agent.freeze();
  await node.clock.run(secondUs);
  agent.thaw();
  agent.report({ cpu_usage: 0.1 });
  await node.clock.run(secondUs);
  agent.disconnect();
  await node.clock.run(40 * secondUs);
  await node.ask("DELETE", "/api/v1/agents/w1");
  await node.clock.run(0);
  assert.deepEqual(told(sink), [
    "agents connected",
    "agents hung",
    "agents recovered",
    "agents away",
    "agents gone",
    "agents forgotten",
  ]);
});

test("a further hello of a live part is no further attachment, neither watched nor noticed", async () => {
  const node = await new TestNode().start();
  const sink = await watch(node);
  const agent = await new TestAgent(node.clock).join(node, { actionsFollow: true });
  agent.greet();
  await node.clock.run(0);
  assert.deepEqual(told(sink), ["agents connected"]);
  assert.equal(node.notices.filter(({ kind }) => kind === "agent-attached").length, 1);
  agent.disconnect();
  await node.clock.run(0);
  await agent.join(node);
  assert.deepEqual(told(sink), ["agents connected", "agents away", "agents connected"]);
  assert.equal(sink.events.at(-1)?.data["isResumed"], true);
});

test("the header of one who comes again counts before the cursor it came with at first", async () => {
  const node = await new TestNode().start();
  const first = await watch(node);
  const cursor = first.lastId;
  await new TestAgent(node.clock).join(node);
  const second = await watch(node, `?cursor=${cursor}`);
  assert.deepEqual(told(second), ["agents connected"]);
  const third = await watch(node, `?cursor=${cursor}`, { "last-event-id": second.lastId });
  assert.deepEqual(told(third), []);
});

test("what cannot be watched is refused before the answer begins", async () => {
  const node = await new TestNode({ token: "s3cret", settings: { maxWatchers: 1 } }).start();
  const headers = { authorization: "Bearer s3cret" };
  assert.equal((await node.ask("GET", "/api/v1/watch")).status, 401);
  for (const query of ["?kinds=all", "?agent=%20", "?where=1", "?cursor=x", "?since=now"]) {
    const { status, json } = await node.ask("GET", `/api/v1/watch${query}`, undefined, { headers });
    assert.deepEqual([status, json["code"]], [400, "INVALID_ARGUMENT"], query);
  }
  await watch(node, "", headers);
  const full = await node.ask("GET", "/api/v1/watch", undefined, { headers });
  assert.deepEqual([full.status, full.json["code"]], [429, "RESOURCE_EXHAUSTED"]);
});

test("a node that drains says goodbye to those who watch, after the last end", async () => {
  const node = await new TestNode().start();
  const sink = await watch(node);
  const agent = await new TestAgent(node.clock).join(node);
  await node.ask("POST", "/api/v1/instructions", { to: "w1", action: "restart", wait: "0s" });
  const drained = node.arc.drain(secondUs);
  agent.tell(agent.only.id, "executed");
  await node.settle(drained, 2 * secondUs);
  assert.deepEqual(
    sink.events.slice(-2).map(({ name, data }) => data["type"] ?? name),
    ["ended", "goodbye"],
  );
  assert.equal(sink.events.at(-1)?.data["code"], "NODE_DRAINING");
});

test("top has agents, the worst first, rules that fire, and the latest instructions", async () => {
  const node = await new TestNode().start();
  await node.apply(hot);
  const agents: TestAgent[] = [];
  for (const id of ["w1", "w2", "w3"])
    agents.push(await new TestAgent(node.clock, { id, answers: true }).join(node));
  agents[1]?.report({ cpu_usage: 0.95 });
  agents[2]?.disconnect();
  await node.clock.run(0);
  const { json } = await node.ask("GET", "/api/v1/top");
  assert.deepEqual(Object.keys(json), [
    "time",
    "node",
    "load",
    "overload",
    "latencyUs",
    "counts",
    "agents",
    "rules",
    "instructions",
  ]);
  const { shown, ...counts } = json["agents"] as { shown: JsonObject[] };
  assert.deepEqual(counts, { live: 2, hung: 0, away: 1, gone: 0 });
  assert.deepEqual(
    shown.map(({ id, state, cpu, firing }) => [id, state, cpu, firing]),
    [
      ["w3", "away", null, []],
      ["w2", "live", 0.95, ["hot"]],
      ["w1", "live", null, []],
    ],
  );
  const [rule] = json["rules"] as JsonObject[];
  assert.deepEqual([rule?.["name"], rule?.["firing"], rule?.["firings"]], ["hot", 1, 1]);
  const [instruction] = json["instructions"] as JsonObject[];
  assert.deepEqual([instruction?.["agent"], instruction?.["status"]], ["w2", "executed"]);
  assert.deepEqual(json["overload"], { ...node.arc.overloadFigures() });
  const narrow = await node.ask("GET", "/api/v1/top?agents=1&rules=0&instructions=0&sort=id");
  const narrowed = narrow.json["agents"] as { shown: JsonObject[] };
  assert.deepEqual(
    [narrowed.shown.map(({ id }) => id), narrow.json["rules"], narrow.json["instructions"]],
    [["w1"], [], []],
  );
  assert.equal((await node.ask("GET", "/api/v1/top?sort=name")).status, 400);
});
