// `myelin watch` over the death of its node.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { createInterface } from "node:readline";
import process from "node:process";
import { test } from "node:test";
import {
  AgentProcess,
  eventually,
  mainPath,
  NodeProcess,
  temporaryDirectory,
} from "./support/index.ts";

test("a watch comes again by itself after its node was killed, and says what it cannot know", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  const watch = spawn(process.execPath, [mainPath, "watch", "--json", "--url", node.http], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    const told = text(watch.stderr);
    const events: Record<string, unknown>[] = [];
    createInterface({ input: watch.stdout }).on("line", (line) => events.push(JSON.parse(line)));
    const seen = (what: string, isIt: (event: Record<string, unknown>) => boolean): Promise<void> =>
      eventually(`the watch tells ${what}`, () => events.some(isIt) || undefined).then(() => {
        events.length = 0;
      });
    await seen("that it begins", ({ event }) => event === "begin");
    await using agent = await AgentProcess.start(node.url, "a1");
    await seen("of the agent", (event) => event["agent"] === "a1");

    await node.end("SIGKILL");
    await using next = await NodeProcess.start(directory.path, ["--port", String(node.port)]);
    await seen("that the node was started anew", ({ event }) => event === "reset");
    await eventually(
      "the agent is back",
      async () => (await next.get("/api/v1/agents/a1")).body.state === "live",
    );
    const { body } = await next.send({ to: "a1", action: "work", deadline: "30s" });
    const { id } = body.instructions[0];
    await seen("of the instruction", ({ instruction }) => Object(instruction).id === id);
    assert.equal(await agent.nthBegun(1), id);

    watch.kill("SIGTERM");
    await once(watch, "exit");
    assert.match(await told, /UNAVAILABLE: .*; trying again\n/);
  } finally {
    watch.kill("SIGKILL");
  }
});
