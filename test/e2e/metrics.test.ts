// What Prometheus reads of a node: the format, the names, and the alerting rules of the page on operations.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { connect } from "@myelin/agent";
import { AgentProcess, NodeProcess, temporaryDirectory } from "./support/index.ts";

const name = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
const sampleForm = /^([a-z_0-9]+)(?:\{([^{}]*)\})? (\S+)$/;
const labelForm = /^[a-z][a-z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"$/;

interface Sample {
  readonly name: string;
  readonly labels: readonly string[];
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: string;
  readonly samples: Sample[];
}

/** Reads the text as strictly as the format is written down. */
function familiesOf(text: string): Map<string, Family> {
  assert.ok(text.endsWith("\n"));
  const families = new Map<string, Family>();
  let help = "";
  let family: Family | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const [, helped] = /^# HELP (\S+) \S/.exec(line) ?? [];
    const [, typed, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (helped !== undefined) help = helped;
    else if (typed !== undefined && type !== undefined) {
      assert.equal(typed, help, "the help goes before the type");
      assert.ok(!families.has(typed), `${typed} is there twice`);
      family = { name: typed, type, samples: [] };
      families.set(typed, family);
    } else {
      const [, of = "", labels = "", number] = sampleForm.exec(line) ?? [];
      assert.ok(family !== undefined && of.startsWith(family.name), line);
      const pairs = labels === "" ? [] : labels.split(/,(?=[a-z])/);
      for (const pair of pairs) assert.match(pair, labelForm, line);
      const value = number === "+Inf" ? Number.POSITIVE_INFINITY : Number(number);
      assert.ok(!Number.isNaN(value), line);
      family.samples.push({ name: of, labels: pairs, value });
    }
  }
  return families;
}

/** The buckets of each series rise to its count, and bounds ascend. */
function assertHistogram({ name: of, samples }: Family): void {
  const series = Map.groupBy(samples, ({ labels }) =>
    labels.filter((label) => !label.startsWith("le=")).join(),
  );
  for (const [labels, each] of series) {
    const buckets = each.filter((sample) => sample.name === `${of}_bucket`);
    const bounds = buckets.map(({ labels: pairs }) => {
      const bound = /le="(.*)"/.exec(pairs.at(-1) ?? "")?.[1];
      return bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
    });
    assert.deepEqual(
      bounds,
      bounds.toSorted((a, b) => a - b),
      labels,
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY);
    const counts = buckets.map(({ value }) => value);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      `${of} ${labels}`,
    );
    const named = (suffix: string): Sample | undefined =>
      each.find((sample) => sample.name === of + suffix);
    assert.equal(named("_count")?.value, counts.at(-1));
    assert.ok((named("_sum")?.value ?? -1) >= 0);
  }
}

async function scraped(node: NodeProcess): Promise<string> {
  const response = await fetch(new URL("/metrics", node.http));
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return await response.text();
}

/** Runs promtool, where it is installed; the format's rules above hold without it. */
async function promtool(t: TestContext, args: readonly string[], input?: string): Promise<void> {
  const run = promisify(execFile)("promtool", args);
  run.child.stdin?.on("error", () => undefined);
  run.child.stdin?.end(input);
  try {
    await run;
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as NodeJS.ErrnoException & Record<string, string>;
    if (code === "ENOENT") t.diagnostic("promtool is not installed: apt-get install prometheus");
    else assert.fail(`${stdout}${stderr}`);
  }
}

test("the metrics of a node at work are in Prometheus' format, and follow its conventions", async (t) => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  await using agent = await AgentProcess.start(node.url, "a1");
  agent.report({ cpu_usage: 0.5 });
  await node.send({ to: "a1", action: "work" });
  await scraped(node);
  const text = await scraped(node);
  const families = familiesOf(text);
  assert.ok(families.size > 60);
  for (const family of families.values()) {
    assert.match(family.name, name);
    assert.equal(family.name.endsWith("_total"), family.type === "counter", family.name);
    const keys = family.samples.map((sample) => `${sample.name} ${sample.labels.join()}`);
    assert.equal(new Set(keys).size, keys.length, family.name);
    if (family.type === "histogram") assertHistogram(family);
    else for (const sample of family.samples) assert.equal(sample.name, family.name);
  }
  await promtool(t, ["check", "metrics"], text);

  const value = (of: string, ...labels: readonly string[]): number | undefined =>
    [...families.values()]
      .flatMap(({ samples }) => samples)
      .find((sample) => sample.name === of && labels.every((each) => sample.labels.includes(each)))
      ?.value;
  assert.equal(value("myelin_instruction_duration_seconds_count"), 1);
  assert.ok((value("myelin_store_commit_duration_seconds_count", 'store="state"') ?? 0) > 0);
  assert.ok(
    (value("myelin_store_write_duration_seconds_count", 'write="accept_instructions"') ?? 0) > 0,
  );
  assert.ok((value("myelin_store_file_bytes", 'file="state"') ?? 0) > 0);
  assert.notEqual(value("myelin_store_file_bytes", 'file="windows"'), undefined);
  assert.ok((value("process_open_fds") ?? 0) > 10);
  assert.ok((value("process_max_fds") ?? 0) > (value("process_open_fds") ?? 0));
  const startedAt = value("process_start_time_seconds") ?? 0;
  assert.ok(Math.abs(Date.now() / 1000 - startedAt) < 60, String(startedAt));
});

test("the metrics of a node of two lanes are in that format too, and add up to what its agents did", async (t) => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path, ["--lanes", "2"]);
  const ids = ["a0", "a1", "a2", "a3", "a4", "a5"];
  await using ended = new AsyncDisposableStack();
  const agents = await Promise.all(ids.map((id) => connect({ url: node.url, id, type: "test" })));
  for (const agent of agents) {
    ended.use(agent);
    agent.on("work", () => undefined);
    agent.report({ cpu_usage: 0.5 });
  }
  const { body } = await node.send({ where: 'agent.type == "test"', action: "work" });
  assert.equal(body.counts.executed, ids.length);
  const text = await scraped(node);
  const families = familiesOf(text);
  for (const family of families.values()) {
    const keys = family.samples.map((sample) => `${sample.name} ${sample.labels.join()}`);
    assert.equal(new Set(keys).size, keys.length, family.name);
    for (const { labels } of family.samples)
      assert.equal(labels.filter((label) => /^lane="(front|0|1)"$/.test(label)).length, 1);
    if (family.type === "histogram") assertHistogram(family);
  }
  await promtool(t, ["check", "metrics"], text);
  const sum = (of: string, ...parts: readonly string[]): number =>
    [...families.values()]
      .flatMap(({ samples }) => samples)
      .filter(({ name: its, labels }) => its === of && parts.every((each) => labels.includes(each)))
      .reduce((total, { value }) => total + value, 0);
  assert.equal(sum("myelin_sessions"), ids.length);
  assert.equal(sum("myelin_instruction_duration_seconds_count"), ids.length);
  assert.equal(sum("myelin_instruction_duration_seconds_count", 'lane="front"'), 0);
  assert.equal(sum("myelin_samples_received_total"), ids.length);
  const { fleet } = (await node.get("/api/v1/ledger")).body;
  assert.equal(fleet.totalUs.count, ids.length);
});

test("what transports do not take is counted by transport and code", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  const socket = new WebSocket(new URL("/elsewhere", node.url));
  await new Promise((resolve) => socket.addEventListener("error", resolve, { once: true }));
  const text = await scraped(node);
  assert.match(text, /^myelin_callers_refused_total\{transport="websocket",code="NOT_FOUND"\} 1$/m);
});

test("the alerting rules of the page are rules, over metrics that there are", async (t) => {
  await using directory = await temporaryDirectory();
  const page = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
  const [, rules = ""] = /```text\n(groups:\n[^`]*)```/.exec(page) ?? [];
  assert.ok(rules.split("- alert:").length > 8);
  const path = join(directory.path, "rules.yaml");
  writeFileSync(path, rules);
  await promtool(t, ["check", "rules", path]);
  await using node = await NodeProcess.start(join(directory.path, "data"));
  const families = familiesOf(await scraped(node));
  const named = [...rules.matchAll(/\b(?:myelin|process|nodejs)_[a-z_]+/g)].map(([each]) =>
    each.replace(/_(bucket|sum|count)$/, ""),
  );
  assert.deepEqual(
    named.filter((each) => !families.has(each)),
    [],
  );
});
