// The benchmarks of scale in small, with real processes: that they run, and what holds at every size.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Report } from "../../bench/report/index.ts";
import { sessionsBench } from "../../bench/sessions/sessions.ts";
import { soakBench } from "../../bench/soak/soak.ts";
import { stormBench } from "../../bench/storm/storm.ts";

function valueOf({ figures }: Report, named: string): number {
  const figure = figures.find(({ name }) => name === named);
  assert.ok(figure !== undefined, `there is no figure ${named}`);
  return figure.value;
}

test("idle sessions stay, and a control loop among them loses nothing", async () => {
  const report = await sessionsBench({
    sessions: 200,
    heartbeatMs: 500,
    settleSeconds: 1,
    measureSeconds: 1,
    slices: 1,
  });
  assert.equal(valueOf(report, "sessions"), 200);
  assert.equal(valueOf(report, "samples without a call"), 0);
  for (const named of ["bare sockets memory each", "raw ws memory each", "node memory each"])
    assert.ok(valueOf(report, named) > 0, named);
});

test("agents are all back by themselves after the node was killed, and rules reach them", async () => {
  const report = await stormBench(300, 0.5);
  assert.equal(valueOf(report, "refused for good"), 0);
  assert.equal(valueOf(report, "not reached by a rule afterwards"), 0);
  assert.ok(valueOf(report, "all back after it was started") < 10);
});

test("a node under mixed load leaves no file and no handle behind", async () => {
  const report = await soakBench(0.1);
  for (const named of [
    "samples without an instruction",
    "calls that failed",
    "files more, after",
    "handles more, after",
  ])
    assert.equal(valueOf(report, named), 0, named);
  assert.ok(valueOf(report, "instructions by hand") > 0);
  assert.ok(valueOf(report, "lines told to watchers") > 0);
});
