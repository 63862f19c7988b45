/**
 * A fleet at work: 1,000 agents, each with 50 frames a second of 10 metrics, 20 rules, of 100 frames
 * one fires. Measured inside the node, and from the moment a sample was meant to leave.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { takenSamples, cpuSeconds, LoadProcess, loadRules, maxLateUs } from "../load/load.ts";
import { held, machine, type Report, startProcess } from "../report/index.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const agents = 1000;
const framesPerSecond = 50;
const metrics = 10;
const ruleCount = 20;
const warmUpSeconds = 5;
const seconds = 20;

interface Distribution {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** Runs the benchmark. */
export async function fleetBench(): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  const data = join(directory, "data");
  const arguments_ = ["up", "--port", "0", "--data", data, "--log-level", "warn"];
  const node = await startProcess(mainPath, arguments_);
  try {
    const http = node.announced["http"] ?? "";
    const rules = JSON.stringify({ rules: loadRules(ruleCount, metrics) });
    await fetch(new URL("/api/v1/rules", http), { method: "POST", body: rules });
    await using load = await LoadProcess.start({
      url: node.announced["url"] ?? "",
      name: "fleet",
      agents,
      framesPerSecond,
      metrics,
      instants: 1,
      fireEvery: 100,
      rules: ruleCount,
    });
    const warmUp = await load.run(warmUpSeconds);
    const pid = node.process.pid ?? 0;
    const [cpuBefore, beganAtMs] = [cpuSeconds(pid), performance.now()];
    const seen = await load.run(seconds);
    const cpuShare = (cpuSeconds(pid) - cpuBefore) / ((performance.now() - beganAtMs) / 1e3);
    const ledger = (await (await fetch(new URL("/api/v1/ledger", http))).json()) as {
      readonly fleet: { readonly nodeUs: Distribution };
    };
    const { nodeUs } = ledger.fleet;
    const lost = (warmUp.frames + seen.frames) * metrics - (await takenSamples(http));
    const [p50 = Number.NaN, p99 = Number.NaN, p999 = Number.NaN] = seen.latencyUs;
    return {
      bench: "fleet",
      machine: machine(),
      figures: [
        { name: "samples", value: (seen.frames * metrics) / seconds / 1e6, unit: "M/s" },
        { name: "instructions", value: seen.received / seconds, unit: "/s" },
        { name: "inside the node p50", value: nodeUs.p50, unit: "us" },
        held({ name: "inside the node p99", value: nodeUs.p99, unit: "us", target: 1000 }),
        held({ name: "inside the node p99.9", value: nodeUs.p999, unit: "us", target: 5000 }),
        { name: "meant to leave to handler p50", value: p50, unit: "us" },
        { name: "meant to leave to handler p99", value: p99, unit: "us" },
        { name: "meant to leave to handler p99.9", value: p999, unit: "us" },
        held({
          name: "samples without an instruction",
          value: seen.fired - seen.received,
          unit: "",
          target: 0,
        }),
        held({ name: "samples lost", value: lost, unit: "", target: 0 }),
        held({ name: "node's share of a core", value: cpuShare * 100, unit: "%", target: 70 }),
        { name: "generator late p99.9", value: seen.lateP999Us, unit: "us" },
      ],
      ...(seen.lateP999Us > maxLateUs ? { void: "the generator was late" } : {}),
    };
  } finally {
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
