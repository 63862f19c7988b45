// What rules read of the past, over real ends of a node.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AgentProcess, eventually, NodeProcess, temporaryDirectory } from "./support/index.ts";

const rules = [
  {
    name: "busy",
    expr: `count_over_time(cpu_usage, "1h") >= 4 && avg_over_time(cpu_usage, "1h") > 0.5`,
    action: "work",
  },
];

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  test(`a rule acts on what came before the node's end by ${signal}`, async () => {
    await using directory = await temporaryDirectory();
    await using former = await NodeProcess.start(directory.path);
    await former.applyRules(rules);
    await using dying = await AgentProcess.start(former.url, "a1");
    for (const cpu_usage of [0.9, 0.8, 0.9]) dying.report({ cpu_usage });
    await eventually("they are there", async () => {
      const { body } = await former.get("/api/v1/agents/a1");
      return body.metrics?.cpu_usage !== undefined;
    });
    const folder = join(directory.path, "windows", "0-of-1");
    if (signal === "SIGKILL")
      await eventually("they are kept", () => Promise.resolve(holds(folder, 0.8)));
    await former.end(signal);
    // What it has not seen confirmed goes with it, so nothing comes again.
    await dying.kill();

    await using node = await NodeProcess.start(directory.path);
    await using agent = await AgentProcess.start(node.url, "a1");
    agent.report({ cpu_usage: 0.9 });
    await agent.nthBegun(1);
    for (const name of readdirSync(folder))
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
  });
}

/** Whether a number is in one of the folder's files. */
function holds(folder: string, value: number): boolean {
  const bytes = Buffer.from(Float64Array.of(value).buffer);
  return readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(bytes));
}
