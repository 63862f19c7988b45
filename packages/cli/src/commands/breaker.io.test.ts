import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "@myelin/agent";
import { createLog, startNode } from "@myelin/node";
import { exitCodes } from "../exit-codes.ts";
import { myelin, start } from "./test-support.ts";

test("breakers are seen and closed by hand", async () => {
  const log = await createLog({ level: "error", isReadable: false });
  const limits = { breakerFailures: 1, breakerOpenUs: 3600e6 };
  const node = await startNode({ port: 0, storage: "memory", log, limits });
  const env = { MYELIN_URL: node.httpUrl };
  const agent = await connect({ url: node.url, id: "w1" });
  try {
    agent.on("cool", () => {
      throw new Error("it does not cool");
    });
    assert.equal((await myelin(["breaker", "list"], env)).out, "no breaker is open\n");
    const sent = await myelin(["send", "cool", "--to", "w1"], env);
    assert.equal(sent.code, exitCodes.failure);
    const listed = await myelin(["breaker", "list"], env);
    assert.match(listed.out, /^OVER +STATE +TRIES AT\nagent w1 part app +open +\d{4}-/);
    assert.match((await myelin(["agent", "w1"], env)).out, /^app +live +OPEN +cool /m);
    const close = ["breaker", "close", "--agent", "w1"];
    const closed = await myelin(close, env);
    assert.equal(closed.out, "the breaker of part app of agent w1 is closed\n");
    assert.match((await myelin(["agent", "w1"], env)).out, /^app +live +closed +cool /m);
    const again = await myelin([...close, "--part", "app", "--json"], env);
    assert.deepEqual(JSON.parse(again.out), { agent: "w1", part: "app", wasOpen: false });
    const { code, err } = await myelin([...close, "--part", "engine"], env);
    assert.deepEqual([code, /Its parts are app/.test(err)], [exitCodes.notFound, true]);
    const ofRule = await myelin(["breaker", "close", "--rule", "hot"], env);
    assert.equal(ofRule.code, exitCodes.notFound);
  } finally {
    await agent.close();
    await node.close();
  }
});

test("the breaker of a rule over its limit is seen and closed by hand", async () => {
  const log = await createLog({ level: "error", isReadable: false });
  const node = await startNode({ port: 0, storage: "memory", log });
  const env = { MYELIN_URL: node.httpUrl };
  const agent = await connect({ url: node.url, id: "w1" });
  const watching = start(["watch", "--kinds", "episodes,instructions"], env);
  try {
    agent.on("cool", () => "cooled");
    const rules = [{ name: "hot", expr: "cpu > 0.9", action: "cool", limit: "1/1h" }];
    const body = JSON.stringify({ rules });
    await fetch(new URL("/api/v1/rules", node.httpUrl), { method: "POST", body });
    await watching.has("watching");
    agent.report({ cpu: 0.91 });
    await watching.has("instruction cool to w1 executed");
    agent.report({ cpu: 0 });
    await watching.has("rule hot has resolved for w1");
    agent.report({ cpu: 0.92 });
    await watching.has("rule hot fires on w1 (breaker): cpu 0.92");

    const list = ["breaker", "list"];
    assert.match((await myelin(list, env)).out, /^OVER +STATE +TRIES AT\nrule hot +open +-\n$/);
    const json = JSON.parse((await myelin([...list, "--json"], env)).out) as object;
    assert.deepEqual(json, { counts: { rules: 1, parts: 0 }, rules: [{ rule: "hot" }], parts: [] });
    assert.match((await myelin(["rules", "list"], env)).out, /^hot .* OPEN$/m);
    const close = ["breaker", "close", "--rule", "hot"];
    assert.equal((await myelin(close, env)).out, "the breaker of rule hot is closed\n");
    assert.equal((await myelin(list, env)).out, "no breaker is open\n");
    const again = await myelin([...close, "--json"], env);
    assert.deepEqual(JSON.parse(again.out), { name: "hot", wasOpen: false });
    const none = await myelin(["breaker", "close", "--rule", "cold"], env);
    assert.equal(none.code, exitCodes.notFound);
    assert.match(none.err, /^error NOT_FOUND: there is no rule cold\n {2}List the rules/);
  } finally {
    watching.stop();
    await watching.ended;
    await agent.close();
    await node.close();
  }
});

test("which breaker to close must be said, and only once", async () => {
  for (const flags of [
    [],
    ["--part", "app"],
    ["--rule", "r", "--agent", "a"],
    ["--rule", "r", "--part", "p"],
  ]) {
    const { code, err } = await myelin(["breaker", "close", ...flags]);
    assert.equal(code, exitCodes.usage);
    assert.match(err, /\n {2}Give either --rule NAME, or --agent ID/);
  }
});
