import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTime } from "@myelin/core/instruction";
import type { JsonObject } from "@myelin/core/json";
import { secondUs, TestAgent, TestNode } from "../test-support.ts";

const hot = "rules: [{ name: hot, expr: cpu_usage > 0.9, action: restart, sla: 10ms }]";

/** A node with two agents in zones a and b. */
async function served(): Promise<{ node: TestNode; w1: TestAgent; w2: TestAgent }> {
  const node = await new TestNode().start();
  const w1 = await new TestAgent(node.clock, { labels: { zone: "a" } }).join(node);
  const w2 = await new TestAgent(node.clock, { id: "w2", labels: { zone: "b" } }).join(node);
  return { node, w1, w2 };
}

function textOf(value: unknown): string {
  assert.ok(typeof value === "string");
  return value;
}

function names(list: unknown): unknown[] {
  return (list as JsonObject[]).map((item) => item["id"] ?? item["name"]);
}

test("every error has the one shape, with its code's status", async () => {
  const { node } = await served();
  const cases: [string, string, unknown, number, string][] = [
    ["GET", "/nowhere", undefined, 404, "NOT_FOUND"],
    ["GET", "/api/v1/agents/w9", undefined, 404, "NOT_FOUND"],
    ["GET", "/api/v1/agents/%20", undefined, 400, "INVALID_ARGUMENT"],
    ["GET", "/api/v1/agents/%zz", undefined, 400, "INVALID_ARGUMENT"],
    ["GET", "/api/v1/rules/none", undefined, 404, "NOT_FOUND"],
    ["GET", "/api/v1/rules/No!", undefined, 400, "INVALID_ARGUMENT"],
    ["GET", "/api/v1/instructions/none", undefined, 404, "NOT_FOUND"],
    ["POST", "/api/v1/instructions/none/cancel", undefined, 404, "NOT_FOUND"],
    ["DELETE", "/api/v1/agents/w1", undefined, 409, "CONFLICT"],
    ["DELETE", "/api/v1/agents/w9", undefined, 404, "NOT_FOUND"],
    ["DELETE", "/api/v1/rules/none", undefined, 404, "NOT_FOUND"],
    ["POST", "/api/v1/rules", "rules: [{ name: x }]", 400, "RULE_INVALID"],
    ["POST", "/api/v1/rules", Uint8Array.of(0xff), 400, "INVALID_ARGUMENT"],
  ];
  for (const [method, target, body, status, code] of cases) {
    const answer = await node.ask(method, target, body);
    assert.equal(answer.status, status, `${method} ${target}`);
    assert.deepEqual(Object.keys(answer.json), ["code", "message", "hint", "details"]);
    assert.equal(answer.json["code"], code);
    assert.notEqual(answer.json["hint"], "");
  }
});

test("a path that does not take the method says which it takes", async () => {
  const { node } = await served();
  const answer = await node.ask("PUT", "/api/v1/agents/w1");
  assert.equal(answer.status, 405);
  assert.deepEqual(answer.headers, { allow: "GET, DELETE" });
  assert.equal(answer.json["code"], "INVALID_ARGUMENT");
});

test("HEAD is answered as GET, and a slash at the end of a path does no harm", async () => {
  const { node } = await served();
  assert.equal((await node.ask("HEAD", "/api/v1/agents")).status, 200);
  assert.equal((await node.ask("HEAD", "/api/v1/agents/w9")).status, 404);
  assert.equal((await node.ask("GET", "/api/v1/agents/")).status, 200);
  assert.equal((await node.ask("GET", "/api/v1/agents/w1/")).json["id"], "w1");
});

test("with a token everything but health and readiness asks for it", async () => {
  const node = await new TestNode({ token: "s3cret" }).start();
  for (const target of ["/api/v1/node", "/api/v1/agents", "/metrics", "/nowhere"]) {
    const refused = await node.ask("GET", target);
    assert.equal(refused.status, 401);
    assert.equal(refused.json["code"], "UNAUTHENTICATED");
    assert.deepEqual(refused.headers, { "www-authenticate": "Bearer" });
  }
  const headers = { authorization: "Bearer s3cret" };
  assert.equal((await node.ask("GET", "/api/v1/node", undefined, { headers })).status, 200);
  assert.equal((await node.ask("GET", "/metrics", undefined, { headers })).status, 200);
  assert.deepEqual((await node.ask("GET", "/healthz")).json, { status: "ok" });
  assert.deepEqual((await node.ask("GET", "/readyz")).json, { status: "ready" });
});

test("the actor of an instruction is who sent it", async () => {
  const node = await new TestNode({ token: "s3cret" }).start();
  await new TestAgent(node.clock, { token: "s3cret" }).join(node);
  const headers = { authorization: "Bearer s3cret" };
  const order = { to: "w1", action: "restart", wait: "0s" };
  const { json } = await node.ask("POST", "/api/v1/instructions", order, { headers });
  assert.equal((json["instructions"] as JsonObject[])[0]?.["actor"], "token");
});

test("a node that drains is alive and not ready, and takes no new work", async () => {
  const { node } = await served();
  void node.arc.drain(secondUs);
  assert.equal((await node.ask("GET", "/healthz")).status, 200);
  const ready = await node.ask("GET", "/readyz");
  assert.deepEqual([ready.status, ready.json["reason"]], [503, "the node is shutting down"]);
  const work: [string, string, unknown][] = [
    ["POST", "/api/v1/instructions", { to: "w1", action: "restart" }],
    ["POST", "/api/v1/rules", hot],
    ["DELETE", "/api/v1/rules/hot", undefined],
  ];
  for (const [method, target, body] of work) {
    const refused = await node.ask(method, target, body);
    assert.deepEqual([refused.status, refused.json["code"]], [503, "NODE_DRAINING"]);
  }
  assert.equal((await node.ask("GET", "/api/v1/agents")).status, 200);
});

test("the node, its metrics and its ledger's figures can be read", async () => {
  const { node, w1 } = await served();
  await node.apply(hot);
  w1.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  assert.deepEqual((await node.ask("GET", "/api/v1/node")).json, { id: "n1", openInstructions: 1 });
  const metrics = await node.ask("GET", "/metrics");
  assert.deepEqual([metrics.headers, metrics.body], [{ "content-type": "text/plain" }, "up 1\n"]);
  w1.tell(w1.only.id, "executed");
  await node.clock.run(0);
  const { json } = await node.ask("GET", "/api/v1/ledger");
  const [fleet, rules] = [json["fleet"] as JsonObject, json["rules"] as JsonObject];
  assert.equal((fleet["counts"] as JsonObject)["executed"], 1);
  assert.equal(((rules["hot"] as JsonObject)["totalUs"] as JsonObject)["count"], 1);
  assert.deepEqual(Object.keys(fleet), [
    "counts",
    "totalUs",
    "nodeUs",
    "stagesUs",
    "jitterUs",
    "jitterOfMean",
    "jitterOfSla",
    "slaRate",
  ]);
});

test("agents are listed by id, narrowed by a selector, page by page", async () => {
  const { node } = await served();
  for (const id of ["w10", "a-1"])
    await new TestAgent(node.clock, { id, type: "trader" }).join(node);
  const list = async (query: string): Promise<JsonObject> =>
    (await node.ask("GET", `/api/v1/agents${query}`)).json;
  assert.deepEqual(names((await list(""))["agents"]), ["a-1", "w1", "w10", "w2"]);
  const traders = await list(`?where=${encodeURIComponent('agent.type == "trader"')}`);
  assert.deepEqual(names(traders["agents"]), ["a-1", "w10"]);
  const first = await list("?limit=3");
  assert.deepEqual(names(first["agents"]), ["a-1", "w1", "w10"]);
  const second = await list(`?limit=3&cursor=${textOf(first["cursor"])}`);
  assert.deepEqual(names(second["agents"]), ["w2"]);
  assert.equal(second["cursor"], undefined);
});

test("what is asked of a list must be known and in range", async () => {
  const { node } = await served();
  for (const target of [
    "/api/v1/agents?limit=0",
    "/api/v1/agents?limit=x",
    "/api/v1/agents?after=w1",
    "/api/v1/instructions?limit=1001",
    "/api/v1/instructions?agnet=w1",
    "/api/v1/instructions?status=done",
    "/api/v1/instructions?since=yesterday",
    "/api/v1/instructions?cursor=x",
    "/api/v1/instructions?cursor=o12",
    "/api/v1/instructions?cursor=lx",
  ]) {
    const answer = await node.ask("GET", target);
    assert.deepEqual([answer.status, answer.json["code"]], [400, "INVALID_ARGUMENT"], target);
  }
});

test("a selector that is wrong is refused with what is wrong about it", async () => {
  const { node } = await served();
  const where = encodeURIComponent("agent.typ == 1");
  const answer = await node.ask("GET", `/api/v1/agents?where=${where}`);
  assert.equal(answer.status, 400);
  assert.match(textOf(answer.json["message"]), /the selector is not valid: .*typ/);
});

test("an agent tells its parts, latest samples, twin, rules and what is under way", async () => {
  const { node, w1 } = await served();
  await node.apply(hot);
  w1.report({ cpu_usage: 0.95, mem_usage: Number.POSITIVE_INFINITY });
  await node.clock.run(0);
  const { json } = await node.ask("GET", "/api/v1/agents/w1");
  assert.deepEqual(
    [json["id"], json["type"], json["tier"], json["state"], json["outstanding"], json["twin"]],
    ["w1", "worker", "edge", "live", 1, {}],
  );
  assert.deepEqual(json["labels"], { zone: "a" });
  const metrics = json["metrics"] as Record<string, JsonObject>;
  assert.deepEqual(
    [metrics["cpu_usage"]?.["value"], metrics["mem_usage"]?.["value"]],
    [0.95, "Infinity"],
  );
  const [part] = json["parts"] as JsonObject[];
  assert.deepEqual(
    [part?.["name"], part?.["state"], part?.["incarnation"], part?.["actions"]],
    ["app", "live", "life-1", ["restart"]],
  );
  const [rule] = json["rules"] as JsonObject[];
  assert.deepEqual([rule?.["rule"], rule?.["state"]], ["hot", "firing"]);
});

test("an agent's id may need percent-encoding", async () => {
  const { node } = await served();
  await new TestAgent(node.clock, { id: "robot:7@lab+x" }).join(node);
  const { json } = await node.ask("GET", `/api/v1/agents/${encodeURIComponent("robot:7@lab+x")}`);
  assert.equal(json["id"], "robot:7@lab+x");
});

test("an agent that has left is gone and can be forgotten", async () => {
  const { node, w1 } = await served();
  w1.leave();
  await node.clock.run(0);
  assert.equal((await node.ask("GET", "/api/v1/agents/w1")).json["state"], "gone");
  const forgotten = await node.ask("DELETE", "/api/v1/agents/w1");
  assert.deepEqual(forgotten.json, { id: "w1", forgotten: true });
  assert.equal((await node.ask("GET", "/api/v1/agents/w1")).status, 404);
});

test("rules are applied from YAML or JSON, listed, shown with their versions, and deleted", async () => {
  const { node, w1 } = await served();
  w1.report({ cpu_usage: 0.1 });
  await node.clock.run(0);
  const applied = await node.ask("POST", "/api/v1/rules", hot);
  assert.deepEqual(applied.json, {
    changes: [{ name: "hot", version: 1, change: "created" }],
    inForceAt: formatTime(node.clock.nowUs()),
    warnings: [],
  });
  const rule = { name: "hot", expr: "cpu_usage > 0.8", action: "restart", unless: "quiet" };
  const again = await node.ask("POST", "/api/v1/rules", { rules: [rule] });
  assert.deepEqual(again.json["changes"], [{ name: "hot", version: 2, change: "updated" }]);
  const [warning] = again.json["warnings"] as JsonObject[];
  assert.equal(warning?.["message"], "there is no rule quiet");
  const list = await node.ask("GET", "/api/v1/rules");
  assert.deepEqual(names(list.json["rules"]), ["hot"]);
  const { json } = await node.ask("GET", "/api/v1/rules/hot");
  assert.deepEqual(
    [json["version"], json["meaningVersion"], json["mode"], json["source"]],
    [2, 2, "enforce", rule],
  );
  assert.equal((json["status"] as JsonObject)["matching"], 2);
  assert.equal((json["versions"] as unknown[]).length, 2);
  const deleted = await node.ask("DELETE", "/api/v1/rules/hot");
  assert.deepEqual(deleted.json, { name: "hot", version: 3, change: "deleted" });
  assert.deepEqual((await node.ask("GET", "/api/v1/rules")).json["rules"], []);
});

test("a rule file with errors answers with each of them and its place", async () => {
  const { node } = await served();
  const answer = await node.ask(
    "POST",
    "/api/v1/rules",
    "rules:\n  - name: hot\n    expr: cpu >\n",
  );
  const problems = (answer.json["details"] as JsonObject)["problems"] as JsonObject[];
  assert.ok(problems.length > 0);
  assert.ok(problems.every(({ line, column, message }) => line && column && message));
});
