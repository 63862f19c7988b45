import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@myelin/core/json";
import { TestAgent, TestNode } from "../test-support.ts";

const hot = { name: "hot", expr: "cpu_usage > 0.9", action: "restart" };
const keep = { name: "keep", expr: "cpu_usage > 0.5", for: "1h", action: "restart" };

function rules(...list: readonly object[]): object {
  return { rules: list };
}

test("a set put twice says unchanged, and only who has seen the rules as they are may change them", async () => {
  const node = await new TestNode().start();
  const first = await node.ask("PUT", "/api/v1/rules", rules(hot, keep));
  const { etag } = first.headers ?? {};
  assert.match(etag ?? "", /^"2-[0-9a-f]{8}"$/);
  const again = await node.ask("PUT", "/api/v1/rules", rules(hot, keep));
  assert.equal(again.headers?.["etag"], etag);
  assert.deepEqual(
    (again.json["changes"] as JsonObject[]).map(({ change }) => change),
    ["unchanged", "unchanged"],
  );
  const ask = async (headers: Record<string, string>): Promise<number> =>
    (await node.ask("PUT", "/api/v1/rules", rules(keep), { headers })).status;
  assert.equal(await ask({ "if-match": '"1-00000000"' }), 412);
  assert.equal(await ask({ "if-none-match": "*" }), 412);
  assert.equal(await ask({ "if-none-match": etag ?? "" }), 412);
  assert.equal((await node.ask("GET", "/api/v1/rules")).headers?.["etag"], etag);
  assert.equal(await ask({ "if-match": etag ?? "" }), 200);
  const { json } = await node.ask("GET", "/api/v1/rules");
  assert.deepEqual(
    (json["rules"] as JsonObject[]).map(({ name }) => name),
    ["keep"],
  );
});

test("versions, what differs between them, and the way back are there for every rule", async () => {
  const node = await new TestNode().start();
  await node.ask("POST", "/api/v1/rules", rules(hot));
  await node.ask("POST", "/api/v1/rules", rules({ ...hot, expr: "cpu_usage > 0.8" }));
  const diff = await node.ask("GET", "/api/v1/rules/hot/diff");
  assert.deepEqual(diff.json["changes"], [
    { field: "expr", before: "cpu_usage > 0.9", after: "cpu_usage > 0.8" },
  ]);
  assert.equal(diff.json["isMeaningChanged"], true);
  const back = await node.ask("POST", "/api/v1/rules/hot/rollback");
  assert.deepEqual(back.json, { name: "hot", version: 3, change: "updated", rolledBackTo: 1 });
  const { json } = await node.ask("GET", "/api/v1/rules/hot/versions");
  assert.deepEqual(
    (json["versions"] as JsonObject[]).map(({ version, rolledBackTo }) => [version, rolledBackTo]),
    [
      [1, undefined],
      [2, undefined],
      [3, 1],
    ],
  );
  assert.equal((await node.ask("POST", "/api/v1/rules/hot/rollback", { to: 9 })).status, 404);
  assert.equal((await node.ask("GET", "/api/v1/rules/never/diff")).status, 404);
});

test("a set that comes into force loses no other rule's state", async () => {
  const node = await new TestNode().start();
  const ids = Array.from({ length: 20 }, (_, at) => `w${at}`);
  const agents: TestAgent[] = [];
  for (const id of ids) agents.push(await new TestAgent(node.clock, { id }).join(node));
  await node.ask("POST", "/api/v1/rules", rules(keep, { ...hot, mode: "shadow" }));
  for (const agent of agents) agent.report({ cpu_usage: 0.95 });
  await node.clock.run(1000);
  const stateOf = async (id: string): Promise<unknown> => {
    const { json } = await node.ask("GET", `/api/v1/agents/${id}`);
    return (json["rules"] as JsonObject[]).filter(({ rule }) => rule === "keep" || rule === "hot");
  };
  const statesOf = async (): Promise<unknown[]> => {
    const states: unknown[] = [];
    for (const id of ids) states.push(await stateOf(id));
    return states;
  };
  const before = await statesOf();
  assert.equal((before[0] as JsonObject[])[0]?.["state"], "firing");
  assert.equal((before[0] as JsonObject[])[1]?.["state"], "pending");
  const set = (limit: number): object =>
    rules(
      ...Array.from({ length: 100 }, (_, at) => ({
        ...hot,
        name: `set-${at}`,
        expr: `cpu_usage > ${limit}`,
        mode: "shadow",
      })),
    );
  await node.ask("POST", "/api/v1/rules", set(0.1));
  await node.ask("POST", "/api/v1/rules", set(0.2));
  assert.deepEqual(await statesOf(), before);
});

test("enforcement that was switched off stays off over a restart; instructions by hand go out", async () => {
  const before = await new TestNode().start();
  await before.ask("POST", "/api/v1/rules", rules(hot));
  const off = await before.ask("PUT", "/api/v1/enforcement", {
    isOn: false,
    reason: "sensors lie",
  });
  assert.equal(off.json["isChanged"], true);
  await before.kill([]);

  const node = await new TestNode({ clock: before.clock, disk: before.store.disk }).start();
  const { json } = await node.ask("GET", "/api/v1/enforcement");
  assert.deepEqual([json["isOn"], json["reason"]], [false, "sensors lie"]);
  const agent = await new TestAgent(node.clock, { id: "w1" }).join(node);
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(1000);
  assert.deepEqual(
    node.ended.map(({ status, error }) => [status, error?.code]),
    [["canceled", "SHADOW"]],
  );
  assert.equal(agent.received.length, 0);
  const order = { to: "w1", action: "restart", wait: "0s" };
  const given = await node.ask("POST", "/api/v1/instructions", order, { waitUs: 10_000 });
  assert.equal(given.status, 202, String(given.body));
  assert.equal(agent.received.length, 1);

  const on = await node.ask("PUT", "/api/v1/enforcement", { isOn: true });
  assert.equal(on.json["isOn"], true);
  agent.report({ cpu_usage: 0.1 });
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(1000);
  assert.equal(agent.received.length, 2);
});
