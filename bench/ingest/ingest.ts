/**
 * As many samples as one core takes: 100 agents send frames of 100 samples as fast as the node reads,
 * 20 rules read them, and now and then one fires. Beside it, right before, the same load on a bare server.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bareLoad, LoadProcess, loadRules, nodeTimes, takenSamples } from "../load/load.ts";
import {
  held,
  heldAbove,
  machine,
  type Report,
  spentDuring,
  startProcess,
} from "../report/index.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const agents = 100;
const metrics = 20;
const instants = 5;
const ruleCount = 20;
/** Of so many frames of an agent one fires. */
const fireEvery = 10_000;
const warmUpSeconds = 5;
const seconds = 10;
const bareSeconds = 4;
const perFrame = metrics * instants;
const shape = {
  name: "ingest",
  agents,
  framesPerSecond: 0,
  metrics,
  instants,
  fireEvery,
  rules: ruleCount,
} as const;

/** Runs the benchmark. */
export async function ingestBench(): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  const data = join(directory, "data");
  const arguments_ = ["up", "--port", "0", "--data", data, "--log-level", "warn"];
  const bare = await bareLoad(shape, bareSeconds, bareSeconds);
  const bareRate = (bare.result.frames * perFrame) / bare.took / 1e6;
  const node = await startProcess(mainPath, arguments_);
  try {
    const http = node.announced["http"] ?? "";
    const rules = JSON.stringify({ rules: loadRules(ruleCount, metrics) });
    await fetch(new URL("/api/v1/rules", http), { method: "POST", body: rules });
    await using load = await LoadProcess.start({
      url: node.announced["url"] ?? "",
      ...shape,
    });
    const warmUp = await load.run(warmUpSeconds);
    const pid = node.process.pid ?? 0;
    const spent = await spentDuring(pid, async () => await load.run(seconds));
    const { result: seen, cpu, took: tookSeconds } = spent;
    const nodeUs = await nodeTimes(http);
    const samples = seen.frames * perFrame;
    const lost = (warmUp.frames + seen.frames) * perFrame - (await takenSamples(http));
    return {
      bench: "ingest",
      machine: machine(),
      figures: [
        { name: "samples a second, bare server", value: bareRate, unit: "M/s" },
        heldAbove({
          name: "samples a second",
          value: samples / tookSeconds / 1e6,
          unit: "M/s",
          target: 15,
        }),
        {
          name: "samples a second against the bare server's",
          value: samples / tookSeconds / 1e6,
          unit: "M/s",
          ratio: samples / tookSeconds / 1e6 / bareRate,
        },
        { name: "samples a second of processor", value: samples / cpu / 1e6, unit: "M/s" },
        { name: "node's share of a core", value: (cpu / tookSeconds) * 100, unit: "%" },
        { name: "inside the node p50", value: nodeUs.p50, unit: "us" },
        held({ name: "inside the node p99", value: nodeUs.p99, unit: "us", target: 10_000 }),
        { name: "inside the node p99.9", value: nodeUs.p999, unit: "us" },
        held({
          name: "samples without an instruction",
          value: seen.fired - seen.received,
          unit: "",
          target: 0,
        }),
        held({ name: "samples lost", value: lost, unit: "", target: 0 }),
      ],
    };
  } finally {
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
