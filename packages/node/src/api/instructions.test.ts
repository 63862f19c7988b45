import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpResponse } from "../ports/transport.ts";
import type { InstructionDocument } from "@myelin/core/instruction";
import type { JsonObject } from "@myelin/core/json";
import { secondUs, TestAgent, TestNode, type TestNodeOptions } from "../test-support.ts";

type Answer = HttpResponse & { json: JsonObject };

async function served(
  options: TestNodeOptions = {},
): Promise<{ node: TestNode; w1: TestAgent; w2: TestAgent }> {
  const node = await new TestNode(options).start();
  const w1 = await new TestAgent(node.clock, { labels: { zone: "a" } }).join(node);
  const w2 = await new TestAgent(node.clock, {
    id: "w2",
    labels: { zone: "b" },
    answers: true,
  }).join(node);
  return { node, w1, w2 };
}

/** What an end takes to the disk. */
const endWriteUs = 5000;

async function send(node: TestNode, order: JsonObject, waitUs = endWriteUs): Promise<Answer> {
  const body = { action: "restart", ...order };
  return await node.ask("POST", "/api/v1/instructions", body, { waitUs });
}

function textOf(value: unknown): string {
  assert.ok(typeof value === "string");
  return value;
}

function instructionsOf({ json }: Answer): InstructionDocument[] {
  return json["instructions"] as unknown as InstructionDocument[];
}

test("an instruction to one agent is answered with its outcome", async () => {
  const { node } = await served();
  const answer = await send(node, { to: "w2", args: { grace: 5 }, priority: 9 });
  assert.equal(answer.status, 200);
  assert.deepEqual(Object.keys(answer.json), ["batch", "isSettled", "counts", "instructions"]);
  assert.deepEqual([answer.json["isSettled"], answer.json["counts"]], [true, { executed: 1 }]);
  const [instruction] = instructionsOf(answer);
  assert.deepEqual(Object.keys(instruction ?? {}), [
    "id",
    "agent",
    "part",
    "rule",
    "ruleVersion",
    "action",
    "args",
    "priority",
    "status",
    "createdAt",
    "deadline",
    "endedAt",
    "attempt",
    "actor",
    "stagesUs",
    "totalUs",
    "withinSla",
  ]);
  assert.deepEqual(
    [
      instruction?.agent,
      instruction?.part,
      instruction?.args,
      instruction?.priority,
      instruction?.actor,
    ],
    ["w2", "app", { grace: 5 }, 9, "local"],
  );
});

test("an instruction to all that a selector matches lists each agent, also those that did not answer in time", async () => {
  const { node } = await served();
  const answer = await send(node, { where: 'agent.type == "worker"', wait: "2s" }, 2 * secondUs);
  assert.equal(answer.status, 202);
  assert.deepEqual(
    [answer.json["isSettled"], answer.json["counts"]],
    [false, { sent: 1, executed: 1 }],
  );
  assert.deepEqual(
    instructionsOf(answer).map(({ agent, status }) => [agent, status]),
    [
      ["w1", "sent"],
      ["w2", "executed"],
    ],
  );
});

test("a selector that matches nobody who is present is refused; one agent may be away", async () => {
  const { node, w1 } = await served();
  const nobody = await send(node, { where: 'agent.type == "robot"' });
  assert.deepEqual([nobody.status, nobody.json["code"]], [404, "NOT_FOUND"]);
  w1.leave();
  await node.clock.run(0);
  const gone = await send(node, { where: 'agent.labels.zone == "a"' });
  assert.equal(gone.status, 404);
  const away = await send(node, { to: "w1", wait: "0s" });
  assert.deepEqual([away.status, instructionsOf(away)[0]?.status], [202, "accepted"]);
});

test("deadline and timeout are durations from now", async () => {
  const { node, w1 } = await served();
  await send(node, { to: "w1", deadline: "1m30s", timeout: "250ms", wait: "0s" });
  const { deadlineUs, createdAtUs, timeoutUs } = w1.only;
  assert.deepEqual([deadlineUs - createdAtUs, timeoutUs], [90 * secondUs, 250_000]);
});

test("an order that is malformed is refused, and nothing of it is sent", async () => {
  const { node, w1 } = await served();
  let deep: JsonObject = {};
  for (let level = 0; level < 40; level++) deep = { deep };
  const wrong: [unknown, RegExp][] = [
    ["{", /not JSON/],
    ["[]", /not a JSON object/],
    [Uint8Array.of(0xc3, 0x28), /not UTF-8/],
    [{ to: "w1" }, /action is missing/],
    [{ to: "w1", action: "" }, /action is missing/],
    [{ to: "w1", action: "rm -rf" }, /not a valid action/],
    [{ action: "restart" }, /either one agent/],
    [{ to: "w1", where: "true", action: "restart" }, /either one agent/],
    [{ to: "w 1", action: "restart" }, /not a valid agent id/],
    [{ to: 1, action: "restart" }, /to must be a string/],
    [{ to: "w1", action: "restart", args: [] }, /args must be an object/],
    [{ to: "w1", action: "restart", args: deep }, /nested/],
    [{ to: "w1", action: "restart", priority: 11 }, /priority/],
    [{ to: "w1", action: "restart", priority: 2.5 }, /priority/],
    [{ to: "w1", action: "restart", deadline: "10" }, /not a duration/],
    [{ to: "w1", action: "restart", deadline: "0s" }, /deadline must be more than 0/],
    [{ to: "w1", action: "restart", timeout: "0s" }, /timeout must be more than 0/],
    [{ to: "w1", action: "restart", durability: "tape" }, /durability is disk or memory/],
    [{ to: "w1", action: "restart", idempotencyKey: "" }, /idempotency key/],
    [{ to: "w1", action: "restart", idempotencyKey: "k".repeat(201) }, /idempotency key/],
    [{ to: "w1", action: "restart", priorty: 9 }, /unknown field "priorty"/],
    [{ where: "agent.typ", action: "restart" }, /the selector is not valid/],
  ];
  for (const [body, message] of wrong) {
    const answer = await node.ask("POST", "/api/v1/instructions", body);
    assert.deepEqual(
      [answer.status, answer.json["code"]],
      [400, "INVALID_ARGUMENT"],
      String(message),
    );
    assert.match(textOf(answer.json["message"]), message);
  }
  const large = await send(node, { to: "w1", args: { text: "x".repeat(70_000) } });
  assert.deepEqual([large.status, large.json["code"]], [413, "PAYLOAD_TOO_LARGE"]);
  const unknown = await send(node, { to: "w9" });
  assert.equal(unknown.status, 404);
  assert.deepEqual(w1.received, []);
  assert.equal(node.store.disk.instructions.size, 0);
});

test("an idempotency key comes in the body or as a header, and makes two calls one", async () => {
  const { node, w2 } = await served();
  const order = { to: "w2", action: "restart" };
  const headers = { "idempotency-key": "k1" };
  const first = await node.ask("POST", "/api/v1/instructions", order, {
    headers,
    waitUs: endWriteUs,
  });
  const second = await send(node, { to: "w2", idempotencyKey: "k1" });
  assert.equal(first.json["batch"], second.json["batch"]);
  assert.equal(w2.received.length, 1);
  const other = await send(node, { to: "w2", idempotencyKey: "k1", priority: 1 });
  assert.deepEqual([other.status, other.json["code"]], [409, "ALREADY_EXISTS"]);
});

test("on a full disk an order is refused with STORAGE_FULL, unless it asks for memory", async () => {
  const { node, w2 } = await served();
  node.store.disk.isFull = true;
  const refused = await send(node, { to: "w2" });
  assert.deepEqual([refused.status, refused.json["code"]], [507, "STORAGE_FULL"]);
  const sent = await send(node, { to: "w2", durability: "memory" });
  assert.equal(sent.status, 200);
  assert.equal(w2.received.length, 1);
  const id = instructionsOf(sent)[0]?.id ?? "";
  const found = await node.ask("GET", `/api/v1/instructions/${id}`);
  assert.equal(found.json["status"], "executed", "found before it is on disk");
});

test("an instruction is found by its id, open and ended", async () => {
  const { node, w1 } = await served();
  await send(node, { to: "w1", wait: "0s" });
  const { id } = w1.only;
  assert.equal((await node.ask("GET", `/api/v1/instructions/${id}`)).json["status"], "sent");
  w1.tell(id, "executed", { result: [1, 2] });
  await node.clock.run(endWriteUs);
  assert.deepEqual((await node.ask("GET", `/api/v1/instructions/${id}`)).json["result"], [1, 2]);
  await node.clock.run(60 * secondUs);
  assert.deepEqual((await node.ask("GET", `/api/v1/instructions/${id}`)).json["result"], [1, 2]);
});

test("an instruction by hand is found by its id also when the ledger had to drop its account", async () => {
  const { node } = await served();
  const id = instructionsOf(await send(node, { to: "w2" }))[0]?.id ?? "";
  node.store.disk.ledger.delete(id);
  const found = await node.ask("GET", `/api/v1/instructions/${id}`);
  assert.deepEqual([found.status, found.json["status"]], [200, "executed"]);
});

test("an end is told once it is on disk: not in an answer, a look-up, a list or a cancellation before", async () => {
  const { node, w1 } = await served();
  await send(node, { to: "w1", wait: "0s" });
  const { id } = w1.only;
  const away = new TestAgent(node.clock, { id: "away" });
  await away.join(node);
  away.disconnect();
  await node.clock.run(0);
  const waiting = instructionsOf(await send(node, { to: "away", wait: "0s" }))[0]?.id ?? "";
  const statuses = async (): Promise<unknown[]> => {
    const listed = instructionsOf(await node.ask("GET", "/api/v1/instructions"));
    const found = await node.ask("GET", `/api/v1/instructions/${id}`);
    const ofList = [id, waiting].map((one) => listed.find((each) => each.id === one)?.status);
    return [...ofList, found.json["status"], found.json["result"], found.json["endedAt"]];
  };
  node.store.disk.isFull = true;
  w1.tell(id, "executed", { result: 42 });
  const cancel = `/api/v1/instructions/${waiting}/cancel`;
  const asked = await node.ask("POST", cancel, undefined, { waitUs: 3 * secondUs });
  assert.deepEqual([asked.status, asked.json["status"]], [202, "accepted"]);
  assert.deepEqual(node.ended.length, 2);
  assert.deepEqual(await statuses(), ["sent", "accepted", "sent", undefined, null]);
  node.store.disk.isFull = false;
  await node.clock.run(5 * secondUs);
  const [inList, ofWaiting, found, result] = await statuses();
  assert.deepEqual([inList, ofWaiting, found, result], ["executed", "canceled", "executed", 42]);
});

test("instructions are listed newest first, the open ones before the ended, page by page without a gap", async () => {
  const { node, w1 } = await served();
  for (let count = 0; count < 5; count++) {
    await send(node, { to: "w2" });
    await send(node, { to: "w1", wait: "0s" });
    await node.clock.run(1000);
  }
  const open = w1.received.map(({ id }) => id).reverse();
  const seen: InstructionDocument[] = [];
  let cursor = "";
  let pages = 0;
  do {
    const page = await node.ask("GET", `/api/v1/instructions?limit=3${cursor}`);
    assert.ok(instructionsOf(page).length <= 3);
    seen.push(...instructionsOf(page));
    cursor = page.json["cursor"] === undefined ? "" : `&cursor=${textOf(page.json["cursor"])}`;
    pages += 1;
  } while (cursor !== "");
  assert.equal(pages, 4);
  assert.deepEqual(
    seen.slice(0, 5).map(({ id }) => id),
    open,
  );
  assert.deepEqual(
    seen.slice(5).map(({ status }) => status),
    Array.from({ length: 5 }, () => "executed"),
  );
  assert.deepEqual(
    seen.slice(5).map(({ createdAt }) => createdAt),
    seen
      .slice(5)
      .map(({ createdAt }) => createdAt)
      .toSorted((a, b) => (a < b ? 1 : -1)),
  );
  assert.equal(new Set(seen.map(({ id }) => id)).size, 10);
});

test("open instructions of one instant are listed page by page too, each once", async () => {
  const { node } = await served();
  await new TestAgent(node.clock, { id: "w3" }).join(node);
  await new TestAgent(node.clock, { id: "w4" }).join(node);
  await send(node, { where: "true", wait: "0s" });
  const seen: string[] = [];
  let cursor = "";
  do {
    const page = await node.ask("GET", `/api/v1/instructions?status=sent&limit=1${cursor}`);
    seen.push(...instructionsOf(page).map(({ agent }) => agent));
    cursor = page.json["cursor"] === undefined ? "" : `&cursor=${textOf(page.json["cursor"])}`;
  } while (cursor !== "");
  assert.deepEqual(new Set(seen), new Set(["w1", "w3", "w4"]));
  assert.equal(seen.length, 3);
});

test("a list is narrowed by agent, rule, status and time", async () => {
  const { node, w1 } = await served();
  await node.apply("rules: [{ name: hot, expr: cpu_usage > 0.9, action: restart }]");
  await send(node, { to: "w2" });
  await node.clock.run(secondUs);
  w1.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  const list = async (query: string): Promise<(string | null)[][]> =>
    instructionsOf(await node.ask("GET", `/api/v1/instructions?${query}`)).map(
      ({ agent, rule, status }) => [agent, rule, status],
    );
  const [byRule, byHand] = [
    ["w1", "hot", "sent"],
    ["w2", null, "executed"],
  ];
  assert.deepEqual(await list(""), [byRule, byHand]);
  assert.deepEqual(await list("agent=w2"), [byHand]);
  assert.deepEqual(await list("rule=hot"), [byRule]);
  assert.deepEqual(await list("status=sent"), [byRule]);
  assert.deepEqual(await list("status=executed"), [byHand]);
  assert.deepEqual(await list("status=failed"), []);
  const middle = "2026-09-21T14:13:20.500Z";
  assert.deepEqual(await list(`since=${middle}`), [byRule]);
  assert.deepEqual(await list(`until=${middle}`), [byHand]);
});

test("an instruction is canceled while it waits; one that was sent is asked back, one that began is not", async () => {
  const { node, w1 } = await served();
  const away = new TestAgent(node.clock, { id: "away" });
  await away.join(node);
  away.disconnect();
  await node.clock.run(0);
  const waiting = instructionsOf(await send(node, { to: "away", wait: "0s" }))[0]?.id ?? "";
  const path = `/api/v1/instructions/${waiting}/cancel`;
  const canceled = await node.ask("POST", path, undefined, { waitUs: endWriteUs });
  assert.deepEqual([canceled.status, canceled.json["status"]], [200, "canceled"]);

  await send(node, { to: "w1", wait: "0s" });
  const { id } = w1.only;
  const asked = await node.ask("POST", `/api/v1/instructions/${id}/cancel`);
  assert.deepEqual([asked.status, asked.json["status"]], [202, "sent"]);
  await node.clock.run(0);
  assert.deepEqual(w1.canceled, [id]);
  w1.tell(id, "received");
  await node.clock.run(0);
  const begun = await node.ask("POST", `/api/v1/instructions/${id}/cancel`);
  assert.deepEqual([begun.status, begun.json["code"]], [409, "CONFLICT"]);
  w1.tell(id, "executed");
  await node.clock.run(endWriteUs);
  const ended = await node.ask("POST", `/api/v1/instructions/${id}/cancel`);
  assert.match(textOf(ended.json["message"]), /is executed/);
});

test("a number beyond the range of a double is refused by its field, not passed on as something else", async () => {
  const { node } = await served();
  const body = '{"action":"restart","to":"w1","args":{"limits":[1,{"cpu":1e400}]}}';
  const answer = await node.ask("POST", "/api/v1/instructions", body);
  assert.equal(answer.status, 400);
  assert.deepEqual(
    [answer.json["code"], answer.json["message"]],
    [
      "INVALID_ARGUMENT",
      "the field args.limits.1.cpu must be a number within the range of a double",
    ],
  );
  assert.equal(node.arc.dispatch.openCount, 0);
});
