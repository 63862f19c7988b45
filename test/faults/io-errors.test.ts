// The disk answers with errors, as the kernel gives them to the node: strace has its calls fail.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentProcess, eventually, NodeProcess, temporaryDirectory } from "../e2e/support/index.ts";
import { FailingDisk, whyNoFailingDisk } from "./support/failing-disk.ts";

const cases = [
  { calls: "fsync,fdatasync", error: "EIO", status: 503, code: "STORAGE_UNAVAILABLE" },
  { calls: "pwrite64", error: "EIO", status: 503, code: "STORAGE_UNAVAILABLE" },
  { calls: "pwrite64", error: "ENOSPC", status: 507, code: "STORAGE_FULL" },
] as const;

for (const { calls, error, status, code } of cases) {
  test(`while ${calls} fails with ${error}, acceptances are refused with ${code}, rules go on, and it recovers by itself`, {
    skip: whyNoFailingDisk,
  }, async () => {
    await using directory = await temporaryDirectory();
    const first = await NodeProcess.start(directory.path);
    await first.applyRules([{ name: "hot", expr: "cpu_usage > 0.9", action: "work" }]);
    await using agent = await AgentProcess.start(first.url, "a1");
    const accepted: string[] = [];
    const accept = async (): Promise<boolean> => {
      const answer = await first.send({ to: "a1", action: "work" });
      if (answer.status === 200) accepted.push(String(answer.body.instructions[0].id));
      return answer.status === 200;
    };
    assert.ok(await accept());
    let byRule = "";
    let inMemory = "";
    {
      await using _failing = await FailingDisk.under(first.child.pid, calls, error);
      for (let time = 0; time < 5; time++) {
        const refused = await first.send({ to: "a1", action: "work" });
        assert.deepEqual([refused.status, refused.body.code], [status, code]);
      }
      agent.report({ cpu_usage: 0.95 });
      byRule = await agent.nthBegun(2);
      const stop = await first.send({ to: "a1", action: "work", durability: "memory" });
      assert.equal(stop.body.instructions[0].status, "executed");
      inMemory = String(stop.body.instructions[0].id);
      assert.equal((await first.get("/api/v1/node")).body.store.isWritable, false);
    }
    await eventually("the disk takes writes again", accept);
    assert.deepEqual(agent.begun, [accepted[0], byRule, inMemory, accepted[1]]);
    await first.end("SIGKILL");
    await using second = await NodeProcess.start(directory.path);
    for (const id of accepted) {
      const { body } = await second.get(`/api/v1/instructions/${id}`);
      assert.equal(body.status, "executed", id);
    }
  });
}
