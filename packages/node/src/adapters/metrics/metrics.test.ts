import assert from "node:assert/strict";
import { test } from "node:test";
import { TestAgent, TestNode } from "../../test-support.ts";
import { defaultSessionSettings } from "../../session/index.ts";
import { defaultArcSettings } from "../../settings.ts";
import { createMetrics, Refusals } from "./index.ts";

/** A node and a way to read its metrics: values by name, with labels as Prometheus writes them. */
async function measured() {
  const node = await new TestNode().start();
  const answers = new Map([
    [200, 3],
    [429, 1],
  ]);
  const refusals = new Refusals();
  refusals.count("unix", "RESOURCE_EXHAUSTED");
  const metrics = createMetrics({
    arc: node.arc,
    store: node.store,
    node: { id: "n1", tier: "edge", version: "0.1.0" },
    settings: defaultArcSettings,
    sessionSettings: defaultSessionSettings,
    answers,
    refusals,
  });
  const read = async (): Promise<ReadonlyMap<string, number>> => {
    const { text } = await node.settle(metrics.read());
    const lines = text.split("\n").filter((line) => line.startsWith("myelin_"));
    return new Map(
      lines.map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
    );
  };
  return { node, read, text: async () => (await node.settle(metrics.read())).text };
}

/** Gives every number below `counters` a value of its own, from `next` on. */
function fill(counters: object, next: { value: number }, values: number[]): void {
  const fields = counters as Record<string, unknown>;
  for (const [name, present] of Object.entries(fields)) {
    if (typeof present === "object" && present !== null) fill(present, next, values);
    else {
      fields[name] = next.value;
      values.push(next.value);
      next.value += 1;
    }
  }
}

test("every counter of the node can be read", async () => {
  const { node, read } = await measured();
  const { ingest, engine, sessions, scheduler, episodes, audit, watch } = node.arc;
  const values: number[] = [];
  const next = { value: 1_000_001 };
  for (const station of [ingest, engine, sessions, scheduler, episodes, audit, watch])
    fill(station.counters, next, values);
  assert.ok(values.length > 30);
  const shown = new Set((await read()).values());
  assert.deepEqual(
    values.filter((value) => !shown.has(value)),
    [],
  );
});

test("what is refused, dropped or missed is told by its reason, beside what was received", async () => {
  const { node, read } = await measured();
  const agent = await new TestAgent(node.clock).join(node);
  agent.report({ cpu_usage: 0.5, heartbeat_age: 1 });
  agent.report({ cpu_usage: 0.6 });
  await new TestAgent(node.clock, { id: "w2", part: "not a part" }).join(node);
  await new TestAgent(node.clock).join(node, { incarnation: "life-2" });
  const told = await read();
  const expected = {
    myelin_samples_received_total: 3,
    'myelin_samples_dropped_total{reason="name"}': 1,
    'myelin_samples_dropped_total{reason="late"}': 0,
    myelin_metric_names_refused_total: 1,
    'myelin_sessions_refused_total{code="INVALID_ARGUMENT"}': 1,
    'myelin_callers_refused_total{transport="unix",code="RESOURCE_EXHAUSTED"}': 1,
    myelin_sessions_taken_over_total: 1,
    'myelin_http_requests_total{status="429"}': 1,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(told.get(name), value, name);
});

test("names follow Prometheus: counters end in _total, units are base units, each has its help", async () => {
  const { text } = await measured();
  const lines = (await text()).split("\n").filter((line) => line.includes(" myelin_"));
  const kinds = lines.flatMap((line) => /^# TYPE (\w+) (\w+)$/.exec(line)?.slice(1, 3) ?? []);
  const named = kinds.flatMap((name, at) => (at % 2 === 0 ? [[name, kinds[at + 1]] as const] : []));
  assert.ok(named.length > 40);
  for (const [name, kind] of named) {
    assert.match(name, /^myelin_[a-z]+(_[a-z]+)*$/);
    assert.equal(name.endsWith("_total"), kind === "counter", name);
    assert.doesNotMatch(name, /_(us|ms|microseconds|milliseconds|minutes|kib|mib|percent)(_|$)/);
    assert.ok(lines.some((line) => line.startsWith(`# HELP ${name} `)));
  }
});
