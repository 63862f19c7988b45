// Every encoding from end to end: the SDK, a node, and what passes between them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "@myelin/agent";
import { encodingNames } from "@myelin/core/wire";
import { eventually, NodeProcess, temporaryDirectory } from "./support/index.ts";

const hot = { name: "hot", expr: "cpu_usage > 0.9", action: "work", sla: "10s" };

test("an agent does in every encoding what it does in protobuf", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  await node.applyRules([hot]);
  for (const encoding of encodingNames) {
    await using agent = await connect({ url: node.url, id: `in-${encoding}`, encoding });
    const begun = Promise.withResolvers<unknown>();
    agent.on("work", ({ args }) => {
      begun.resolve(args);
      return { in: encoding, deep: [1, { "ünicode ✓": null }] };
    });
    agent.state.set({ mode: "busy", limits: { low: 0.1 } });
    agent.event("tool_call", { tool: "search" });
    agent.report({ cpu_usage: 0.2, mem_usage: Number.NaN });
    agent.report({ cpu_usage: 0.95 });
    await agent.flush();
    await begun.promise;
    const ended = await eventually(
      `what the agent did in ${encoding} is accounted`,
      async () => (await node.instructions(`agent=in-${encoding}&status=executed`))[0],
    );
    assert.deepEqual(ended.result, { in: encoding, deep: [1, { "ünicode ✓": null }] });
    const { body } = await node.get(`/api/v1/agents/in-${encoding}`);
    assert.deepEqual(body.twin, { mode: "busy", limits: { low: 0.1 } });
    assert.equal(agent.statistics.droppedSamples, 0);
  }
});

test("an agent goes on in every encoding after its node was killed, and nothing is lost on the way", async () => {
  await using directory = await temporaryDirectory();
  const former = await NodeProcess.start(directory.path);
  const agents = await Promise.all(
    encodingNames.map((encoding) => connect({ url: former.url, id: `in-${encoding}`, encoding })),
  );
  await former.end("SIGKILL");
  for (const agent of agents) agent.report({ cpu_usage: 0.7 });
  await using node = await NodeProcess.start(directory.path, ["--port", `${former.port}`]);
  await Promise.all(agents.map((agent) => agent.flush()));
  for (const name of encodingNames) {
    const { body } = await node.get(`/api/v1/agents/in-${name}`);
    assert.equal(body.metrics.cpu_usage.value, 0.7);
  }
  await Promise.all(agents.map((agent) => agent.close()));
});
