// A node of several lanes, as processes see it: one node.
import assert from "node:assert/strict";
import { join } from "node:path";
import { suite, test } from "node:test";
import { type Agent, connect } from "@myelin/agent";
import type { Channel, Dial } from "@myelin/core/channel";
import { dialWith } from "../../packages/agent/src/dial/node.ts";
import { myelin } from "../../packages/cli/src/commands/test-support.ts";
import { Authority } from "../contract/certificates.ts";
import { eventually, NodeProcess, temporaryDirectory } from "./support/index.ts";

const hot = { name: "hot", expr: "cpu_usage > 0.9", action: "work", sla: "10s", cooldown: "0s" };
const ids = ["a0", "a1", "a2", "a3", "a4", "a5"];
const everybody = 'agent.type == "test"';

type Options = NonNullable<Parameters<typeof connect>[0]>;

/** An agent of this process, and the instructions that it has begun. */
class Worker {
  readonly begun: string[] = [];
  readonly agent: Agent;

  constructor(agent: Agent) {
    this.agent = agent;
    agent.on("work", ({ id }) => {
      this.begun.push(id);
      return { worked: true };
    });
  }
}

async function start(url: string, id: string, more: Partial<Options> = {}): Promise<Worker> {
  return new Worker(await connect({ id, url, type: "test", timeoutMs: 30_000, ...more }));
}

type Workers = Worker[] & AsyncDisposable;

async function startAll(url: string, more?: Partial<Options>): Promise<Workers> {
  const workers = await Promise.all(ids.map((id) => start(url, id, more)));
  return Object.assign(workers, {
    [Symbol.asyncDispose]: async () =>
      void (await Promise.all(workers.map(({ agent }) => agent.close()))),
  });
}

/** Value of a metric by its lane. */
async function metric(node: NodeProcess, name: string): Promise<Record<string, number>> {
  const text = await (await fetch(new URL("/metrics", node.http))).text();
  const lines = text.matchAll(new RegExp(`^${name}\\{lane="(\\w+)"\\} (\\d+)$`, "gm"));
  return Object.fromEntries([...lines].map(([, lane, value]) => [lane, Number(value)]));
}

/** Dials as the SDK does, and notes where and what. */
function noted(): { readonly dial: Dial; readonly urls: string[]; readonly channels: Channel[] } {
  const [urls, channels]: [string[], Channel[]] = [[], []];
  const dial: Dial = (url, ...rest) => {
    urls.push(url);
    const channel = dialWith({})(url, ...rest);
    channels.push(channel);
    return channel;
  };
  return { dial, urls, channels };
}

suite("a node of three lanes", () => {
  test("is one node to its callers: agents, rules, instructions by hand, ledger and figures", async () => {
    await using directory = await temporaryDirectory();
    await using node = await NodeProcess.start(directory.path, ["--lanes", "3"]);
    await node.applyRules([hot]);
    await using agents = await startAll(node.url);

    const { body: description } = await node.get("/api/v1/node");
    assert.equal(description.agents, 6);
    assert.deepEqual(
      description.lanes.map(({ lane, sessions }: Record<string, number>) => [lane, sessions]),
      [0, 1, 2].map((lane) => [lane, 2]),
    );
    const first = (await node.get("/api/v1/agents?limit=4")).body;
    const rest = (await node.get(`/api/v1/agents?limit=4&cursor=${first.cursor}`)).body;
    const listed = [...first.agents, ...rest.agents].map(({ id }: { id: string }) => id);
    assert.deepEqual([listed, rest.cursor], [ids, undefined]);
    assert.equal((await node.get("/api/v1/agents/a3")).body.state, "live");
    assert.equal((await node.get("/api/v1/agents/nobody")).status, 404);

    for (const { agent } of agents) agent.report({ cpu_usage: 0.95 });
    await eventually(
      "all have ended",
      async () => (await node.instructions("status=executed")).length === 6,
    );
    const order = { where: everybody, action: "work", idempotencyKey: "k" };
    const sent = await node.send(order);
    assert.deepEqual([sent.status, sent.body.counts], [200, { executed: 6 }]);
    const again = await node.send(order);
    assert.deepEqual([again.status, again.body.batch], [200, sent.body.batch]);
    assert.equal((await node.send({ ...order, action: "other" })).body.code, "ALREADY_EXISTS");
    const forOne = { to: "a1", action: "work", idempotencyKey: "one" };
    const one = await node.send(forOne);
    assert.deepEqual(one.body.counts, { executed: 1 });
    assert.equal((await node.send({ ...forOne, to: "a2" })).body.code, "ALREADY_EXISTS");
    assert.equal((await node.send({ where: 'agent.id == "x"', action: "work" })).status, 404);
    const { id } = one.body.instructions[0];
    assert.equal((await node.get(`/api/v1/instructions/${id}`)).body.agent, "a1");

    assert.equal((await node.get("/api/v1/ledger")).body.fleet.counts.executed, 13);
    assert.equal((await node.get("/api/v1/ledger")).body.fleet.totalUs.count, 13);
    const { status } = (await node.get("/api/v1/rules/hot")).body;
    assert.deepEqual([status.matching, status.firing, status.firings], [6, 6, 6]);
    const top = (await node.get("/api/v1/top?agents=4&sort=id")).body;
    assert.deepEqual(
      top.agents.shown.map((shown: { id: string }) => shown.id),
      ids.slice(0, 4),
    );
    assert.deepEqual([top.agents.live, top.counts.executed], [6, 13]);
    assert.deepEqual(await metric(node, "myelin_sessions"), { "0": 2, "1": 2, "2": 2, front: 0 });
    assert.equal((await metric(node, "myelin_sessions_sent_on_total"))["front"], 6);
    const audit = (await node.get("/api/v1/audit?limit=50")).body.entries;
    const acts = audit.map(({ act, subject }: Record<string, string>) => `${act} ${subject}`);
    assert.deepEqual(
      acts.sort().filter((act: string) => act.startsWith("instructions")),
      [...["a1", "a1", "a2"].slice(0, 1), "a2", 'agent.id == "x"', everybody, everybody, everybody]
        .map((subject) => `instructions.send ${subject}`)
        .sort(),
    );
  });

  test("keeps a restart with another number of lanes from losing anything", async () => {
    await using directory = await temporaryDirectory();
    const startNode = (lanes: number, port = 0): Promise<NodeProcess> =>
      NodeProcess.start(directory.path, ["--lanes", String(lanes), "--port", String(port)]);
    const node = await startNode(3);
    await node.applyRules([hot]);
    const agents = await startAll(node.url);
    await node.send({ where: everybody, action: "work" });
    await agents[4]?.agent.close();
    await eventually(
      "it is away",
      async () => (await node.get("/api/v1/agents/a4")).body.state !== "live",
    );
    const { body } = await node.send({ to: "a4", action: "work", deadline: "60s", wait: "1ms" });
    await node.end("SIGKILL");
    await using next = await startNode(2, node.port);
    for (const [at, { agent }] of agents.entries())
      if (at !== 4) await eventually("it is back", () => agent.status.state === "live");
    const listed = (await next.get("/api/v1/agents")).body.agents;
    assert.deepEqual(
      listed.map(({ id }: { id: string }) => id),
      ids,
    );
    assert.equal((await next.get("/api/v1/node")).body.sessions, 5);
    assert.equal((await next.get("/api/v1/rules")).body.rules.length, 1);
    const { status } = (await next.get(`/api/v1/instructions/${body.instructions[0].id}`)).body;
    assert.equal(status, "accepted");
    assert.equal((await next.get("/api/v1/ledger")).body.fleet.counts.executed, 6);
    await next.end("SIGKILL");
    await using last = await startNode(1, node.port);
    const back = await start(last.url, "a4");
    await eventually("it has begun", () => back.begun.length > 0);
    assert.deepEqual(back.begun, [body.instructions[0].id]);
    await Promise.all([...agents, back].map(({ agent }) => agent.close()));
  });

  test("sends an agent on once, which goes back to its session and comes home when that lane is gone", async () => {
    await using directory = await temporaryDirectory();
    const args = ["--lanes", "3", "--unix", `${directory.path}/socket`];
    await using node = await NodeProcess.start(directory.path, args);
    for (const url of [node.url, node.unix ?? ""]) {
      const { dial, urls, channels } = noted();
      const { agent } = await start(url, "far", { dial });
      const [, lane = ""] = urls;
      assert.deepEqual([urls.length, urls[0]], [2, url]);
      assert.notEqual(lane, url);
      const session = (): string | undefined =>
        agent.status.state === "live" ? agent.status.sessionId : undefined;
      const before = session();
      assert.ok(before !== undefined);
      channels.at(-1)?.destroy();
      await eventually("it is back", () => urls.length === 3 && session() !== undefined);
      assert.deepEqual([urls[2], session()], [lane, before]);
      await agent.close();
    }
  });

  test("over TLS is at the name by which the agent came, and forgets, cancels and backs up as one", async () => {
    await using directory = await temporaryDirectory();
    using authority = new Authority();
    const { certFile, keyFile } = authority.issue("node");
    await using node = await NodeProcess.start(directory.path, [
      ...["--lanes", "2", "--tls-cert", certFile, "--tls-key", keyFile],
    ]);
    const url = node.url.replace("127.0.0.1", "localhost");
    const { agent } = await start(url, "a1", { tls: { ca: authority.caFile } });
    assert.ok(agent.status.state === "live");
    assert.match(agent.status.url, /^wss:\/\/localhost:/);
    assert.notEqual(agent.status.url, url);
    await agent.close();
    const ask = async (...args: readonly string[]): Promise<string> => {
      const way = ["--url", node.http, "--ca", authority.caFile, "--json"];
      const { code, out, err } = await myelin([...args, ...way]);
      assert.equal(err, "", String(code));
      return out;
    };
    const order = ["work", "--to", "a1", "--deadline", "60s", "--wait", "1ms"];
    const { id } = JSON.parse(await ask("send", ...order)).instructions[0];
    assert.equal(JSON.parse(await ask("cancel", id)).status, "canceled");
    await ask("agent", "a1", "--forget");
    assert.doesNotMatch(await ask("agents"), /a1/);
    await ask("backup", join(directory.path, "backup.tar"));
  });

  test("puts rules in force in every lane or in none, switches and counts over all of them", async () => {
    await using directory = await temporaryDirectory();
    await using node = await NodeProcess.start(directory.path, ["--lanes", "3"]);
    await using agents = await startAll(node.url);
    await node.applyRules([{ ...hot, limit: "3/1m" }]);
    const refused = await node.call("POST", "/api/v1/rules", {
      rules: [
        { ...hot, name: "other" },
        { name: "bad", expr: "(" },
      ],
    });
    assert.equal(refused.body.code, "RULE_INVALID");
    assert.equal((await node.get("/api/v1/rules")).body.rules.length, 1);
    const fire = async ({ agent }: Worker, count: number): Promise<void> => {
      agent.report({ cpu_usage: 0.95 });
      await eventually(
        "it has fired",
        async () => (await node.get("/api/v1/rules/hot")).body.status.firings === count,
      );
    };
    for (const [at, agent] of agents.entries()) await fire(agent, at + 1);
    const { status } = (await node.get("/api/v1/rules/hot")).body;
    assert.deepEqual([status.suppressedFirings, status.isBreakerOpen], [3, true]);
    assert.equal((await node.get("/api/v1/breakers")).body.counts.rules, 1);
    const closed = await node.call("POST", "/api/v1/rules/hot/breaker/close");
    assert.deepEqual(closed.body, { name: "hot", wasOpen: true });
    assert.equal((await node.get("/api/v1/breakers")).body.counts.rules, 0);

    await node.call("PUT", "/api/v1/enforcement", { isOn: false });
    assert.equal((await node.get("/api/v1/node")).body.enforcement.isOn, false);
    assert.deepEqual(await metric(node, "myelin_enforcement"), {
      "0": 0,
      "1": 0,
      "2": 0,
      front: 0,
    });
    await node.call("PUT", "/api/v1/enforcement", { isOn: true });
    assert.deepEqual(await metric(node, "myelin_enforcement"), {
      "0": 1,
      "1": 1,
      "2": 1,
      front: 1,
    });
    const answer = await node.call("DELETE", "/api/v1/rules/hot");
    assert.equal(answer.body.change, "deleted");
    assert.deepEqual(await metric(node, "myelin_rules"), { "0": 0, "1": 0, "2": 0, front: 0 });
  });

  test("is watched by one cursor, which goes on after nobody watched", async () => {
    await using directory = await temporaryDirectory();
    await using node = await NodeProcess.start(directory.path, ["--lanes", "3"]);
    const watched = async (
      cursor: string | undefined,
      until: (events: readonly Record<string, unknown>[]) => boolean,
    ): Promise<Record<string, unknown>[]> => {
      const query = cursor === undefined ? "" : `?cursor=${cursor}`;
      const { body } = await fetch(new URL(`/api/v1/watch${query}`, node.http));
      assert.ok(body !== null);
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      const events: Record<string, unknown>[] = [];
      for (let text = ""; !until(events); ) {
        text += (await reader.read()).value ?? "";
        const lines = text.split("\n");
        text = lines.pop() ?? "";
        for (const line of lines)
          if (line.startsWith("data: ")) events.push(JSON.parse(line.slice(6)));
      }
      await reader.cancel();
      return events;
    };
    const begun = Promise.withResolvers<void>();
    const connected = (events: readonly Record<string, unknown>[]): number =>
      events.filter(({ type }) => type === "connected").length;
    const first = watched(undefined, (events) => {
      if (events.length > 0) begun.resolve();
      return connected(events) === ids.length;
    });
    await begun.promise;
    await using agents = await startAll(node.url);
    const events = await first;
    const numbers = events.map(({ cursor }) => Number(String(cursor).split(".")[1]));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
    const answer = await node.send({ where: everybody, action: "work" });
    const told = await watched(
      String(events.at(-1)?.["cursor"]),
      (more) => more.filter(({ type }) => type === "ended").length === ids.length,
    );
    const ended = told.flatMap(({ type, agent }) => (type === "ended" ? String(agent) : []));
    assert.deepEqual([ended.sort(), agents.length], [ids, 6]);
    assert.equal(answer.body.counts.executed, 6);
    const types = told.flatMap(({ agent, type }) => (agent === "a2" ? type : []));
    assert.deepEqual(types.slice(-4), ["accepted", "sent", "received", "ended"]);
  });

  test("ends what a token admitted in every lane when it is revoked, and drains all of them", async () => {
    await using directory = await temporaryDirectory();
    await using node = await NodeProcess.start(directory.path, [
      ...["--lanes", "3", "--token", "operator-secret"],
    ]);
    const call = async (method: string, path: string, body?: unknown): Promise<Response> =>
      await fetch(new URL(`/api/v1/tokens${path}`, node.http), {
        method,
        headers: { authorization: "Bearer operator-secret" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const created = await call("POST", "", { role: "agent", agents: "a*", name: "fleet" });
    const { token } = (await created.json()) as { token: string };
    await using agents = await startAll(node.url, { token });
    const [use] = ((await (await call("GET", "")).json()) as { tokens: [{ lastUsedAt: string }] })
      .tokens;
    assert.notEqual(use.lastUsedAt, null);
    assert.equal((await call("DELETE", "/fleet")).status, 200);
    for (const { agent } of agents) {
      await eventually("it is sent away", () => agent.status.state === "closed");
      assert.equal(agent.status.state === "closed" && agent.status.cause?.code, "UNAUTHENTICATED");
    }
    const { agent: stays } = await start(node.url, "stays", { token: "operator-secret" });
    assert.equal(await node.end("SIGTERM"), 0);
    await eventually("it is told", () => stays.status.state !== "live");
    await stays.close();
  });
});

test("a node that keeps nothing refuses several lanes", async () => {
  const { startNode } = await import("@myelin/node");
  await assert.rejects(startNode({ port: 0, storage: "memory", lanes: { count: 2 } }), {
    code: "INVALID_ARGUMENT",
  });
});
