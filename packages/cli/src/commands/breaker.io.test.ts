import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "@myelin/agent";
import { createLog, startNode } from "@myelin/node";
import { exitCodes } from "../exit-codes.ts";
import { myelin } from "./test-support.ts";

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
