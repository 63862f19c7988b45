import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@myelin/core/json";
import { TestAgent, TestNode } from "../test-support.ts";

const hot = "rules: [{ name: hot, expr: cpu_usage > 0.9, action: restart, limit: 2/1m }]";

/** A node whose rule has failed at w1 so often that the breaker over its part is open. */
async function broken(): Promise<{ node: TestNode; agent: TestAgent }> {
  const node = await new TestNode({
    settings: { breakerFailures: 1, breakerOpenUs: 60e6 },
  }).start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(hot);
  await fire(node, agent);
  agent.tell(agent.only.id, "failed");
  await node.clock.run(0);
  return { node, agent };
}

async function fire(node: TestNode, agent: TestAgent): Promise<void> {
  for (const value of [0, 0.95]) {
    agent.report({ cpu_usage: value });
    await node.clock.run(1e6);
  }
}

const closing = "/api/v1/agents/w1/parts/app/breaker/close";

test("a breaker over a part is listed with when it tries, and closed by hand lets rules through at once", async () => {
  const { node, agent } = await broken();
  const { json } = await node.ask("GET", "/api/v1/breakers");
  assert.deepEqual(json["counts"], { rules: 0, parts: 1 });
  const [part] = json["parts"] as JsonObject[];
  assert.deepEqual([part?.["agent"], part?.["part"], part?.["state"]], ["w1", "app", "open"]);
  assert.match(JSON.stringify(part), /"triesAt":"2026-/);
  const closed = await node.ask("POST", closing);
  assert.deepEqual(closed.json, { agent: "w1", part: "app", wasOpen: true });
  assert.deepEqual((await node.ask("POST", closing)).json["wasOpen"], false);
  assert.deepEqual((await node.ask("GET", "/api/v1/breakers")).json["parts"], []);
  await fire(node, agent);
  assert.equal(agent.received.length, 2);
});

test("closing is an act with its actor in the audit", async () => {
  const { node } = await broken();
  await node.ask("POST", closing);
  const { json } = await node.ask("GET", "/api/v1/audit?act=agents.breaker.close");
  const [entry] = json["entries"] as JsonObject[];
  assert.deepEqual(
    [entry?.["actor"], entry?.["subject"], entry?.["details"], entry?.["outcome"]],
    ["local", "w1", { part: "app" }, "done"],
  );
});

test("the breaker of a rule is listed, and gone when it was closed", async () => {
  const { node, agent } = await broken();
  for (let count = 0; count < 3; count++) await fire(node, agent);
  const { json } = await node.ask("GET", "/api/v1/breakers");
  assert.deepEqual(json["rules"], [{ rule: "hot" }]);
  assert.equal((await node.ask("POST", "/api/v1/rules/hot/breaker/close")).json["wasOpen"], true);
  assert.deepEqual((await node.ask("GET", "/api/v1/breakers")).json["rules"], []);
});

test("a part that is not there has no breaker to close", async () => {
  const { node } = await broken();
  for (const [path, hint] of [
    ["/api/v1/agents/w9/parts/app/breaker/close", /myelin agents/],
    ["/api/v1/agents/w1/parts/other/breaker/close", /Its parts are app/],
  ] as const) {
    const { status, json } = await node.ask("POST", path);
    assert.equal(status, 404);
    assert.match(JSON.stringify(json), hint);
  }
});
