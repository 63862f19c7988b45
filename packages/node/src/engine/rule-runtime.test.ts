import assert from "node:assert/strict";
import { test } from "node:test";
import { FALSE, linkRule, TRUE } from "@myelin/core/rules";
import { AgentTable } from "./agent-table.ts";
import { PendingCells } from "./pending-cells.ts";
import { RuleRuntime } from "./rule-runtime.ts";
import { plansOf } from "./test-support.ts";
import { TimerWheel } from "./timer-wheel.ts";

test("an end condition that comes and goes keeps one timer, however often", () => {
  const [plan] = plansOf("  - { name: r, expr: m > 10, keep_firing_for: 1h, action: stop }");
  assert.ok(plan !== undefined);
  const timers = new TimerWheel();
  const agents = new AgentTable(4);
  const context = {
    nowUs: 0,
    column: () => ({ values: new Float64Array(4) }),
    attributes: () => ({ id: "a", type: "", tier: "", labels: {}, capabilities: [] }),
    joinedAtUs: () => 0,
    twin: () => ({}),
  };
  const rule = new RuleRuntime(
    1,
    { plan, version: 1, meaningVersion: 1 },
    linkRule(plan, context),
    agents,
    timers,
    new PendingCells(agents, undefined),
  );
  rule.sees(2);
  for (let second = 0; second < 1_000; second += 1) {
    rule.step(2, second * 2e6, TRUE, true);
    rule.step(2, second * 2e6 + 1e6, FALSE, true);
  }
  assert.equal(timers.size, 1);
  const due = timers.popDue(Number.POSITIVE_INFINITY);
  assert.equal(rule.timerCame(2, due?.dueUs ?? 0), false, "the count was begun anew since");
  assert.equal(timers.nextDueUs, 1_999e6 + 3_600e6);
});
