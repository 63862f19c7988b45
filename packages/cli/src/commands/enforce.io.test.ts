// Enforcement by the command line, against a real node and an agent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "@myelin/agent";
import { createLog, startNode } from "@myelin/node";
import { exitCodes } from "../exit-codes.ts";
import { myelin, start } from "./test-support.ts";

const log = await createLog({ level: "error", isReadable: false });

test("while enforcement is off rules decide and nothing is sent, every command says so, and by hand goes out", async () => {
  const node = await startNode({ port: 0, storage: "memory", log });
  const env = { MYELIN_URL: node.httpUrl };
  const agent = await connect({ url: node.url, id: "w1" });
  const rules = [{ name: "hot", expr: "cpu > 0.9", action: "cool" }];
  const body = JSON.stringify({ rules });
  const watching = start(["watch", "--kinds", "episodes,instructions"], env);
  try {
    let cooled = 0;
    agent.on("cool", () => ({ cooled: ++cooled }));
    await fetch(new URL("/api/v1/rules", node.httpUrl), { method: "POST", body });
    await watching.has("watching");
    assert.equal((await myelin(["enforce"], env)).out, "enforcement is on\n");

    const off = await myelin(["enforce", "off", "--reason", "drill"], env);
    assert.deepEqual([off.code, off.err], [exitCodes.success, ""]);
    assert.match(
      off.out,
      /^enforcement is OFF since \d{4}-.*Z, by local: drill\nrules decide .*\n$/,
    );
    agent.report({ cpu: 1 });
    await watching.has("rule hot fires on w1 (shadow): cpu 1");
    const listed = await myelin(["rules", "list"], env);
    assert.match(listed.out, /^hot +1 +enforce +cool +0 +1 +closed$/m);
    assert.match(listed.err, /^warning: ENFORCEMENT IS OFF at http:.*\(`myelin enforce`\)\n$/);
    assert.equal(cooled, 0);
    assert.equal((await myelin(["send", "cool", "--to", "w1"], env)).code, exitCodes.success);
    assert.equal(cooled, 1);

    const again = await myelin(["enforce", "off", "--json"], env);
    const { changedAt, ...still } = JSON.parse(again.out) as Record<string, unknown>;
    assert.match(String(changedAt), /^\d{4}-/);
    assert.deepEqual(still, { isOn: false, actor: "local", reason: "drill", isChanged: false });

    const on = await myelin(["enforce", "on"], env);
    assert.match(on.out, /^enforcement is on since \d{4}-.*Z, by local\n$/);
    assert.equal((await myelin(["enforce", "show"], env)).out, on.out);
    assert.equal((await myelin(["rules", "list"], env)).err, "");
  } finally {
    watching.stop();
    await watching.ended;
    await agent.close();
    await node.close();
  }
});

test("a switch that is none is a wrong command, and a node that does not answer is told", async () => {
  const node = await startNode({ port: 0, storage: "memory", log });
  const env = { MYELIN_URL: node.httpUrl };
  const long = await myelin(["enforce", "off", "--reason", "x".repeat(501)], env);
  assert.equal(long.code, exitCodes.usage);
  assert.match(long.err, /^error INVALID_ARGUMENT: the reason is longer than 500 characters\n/);
  assert.equal((await myelin(["enforce", "perhaps"], env)).code, exitCodes.usage);
  assert.deepEqual(JSON.parse((await myelin(["enforce", "--json"], env)).out), { isOn: true });
  await node.close();
  for (const act of ["show", "off", "on"]) {
    const { code, out, err } = await myelin(["enforce", act], env);
    assert.deepEqual([code, out], [exitCodes.unavailable, ""]);
    assert.match(err, /^error UNAVAILABLE: no node answers at .*\n {2}Start one with `myelin up`/);
  }
});
