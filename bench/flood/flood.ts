/**
 * Control has a reserved share: one agent's control loops, idle and while 50 connections send 64 KiB
 * frames without pause, in slices that alternate.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Agent, connect, type Metric } from "@myelin/agent";
import { Histogram } from "@myelin/core/statistics";
import { Flood } from "./flood-process.ts";
import { held, machine, median, type Report, startProcess } from "../report/index.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const connections = 50;
const loopsPerSlice = 300;
const loopEveryMs = 5;
/** Of idle and flood slices each; the median over them counts, as the machine is shared. */
const usualSlices = 5;
/** Metrics in turn, each with its rule. */
const metricCount = 32;
const mostTimes = 3;
/** A flood that is none proves nothing. */
const leastFloodBytesPerSecond = 20e6;

/** Reports samples that fire, and measures until the handler is called. */
class ControlLoop {
  readonly #metrics: readonly Metric[];
  readonly #reportedAtMs: number[] = [];
  #count = 0;
  #onHandled: (number: number) => void = () => undefined;

  constructor(agent: Agent) {
    this.#metrics = Array.from({ length: metricCount }, (_, at) => agent.metric(`turn_${at}`));
    agent.on("measure", ({ args }) => this.#onHandled(Number(args["number"])));
  }

  static get rules(): unknown[] {
    return Array.from({ length: metricCount }, (_, at) => ({
      name: `turn-${at}`,
      expr: `turn_${at} > 0`,
      action: "measure",
      args: { number: `\${turn_${at}}` },
      deadline: "1s",
      timeout: "1s",
      cooldown: "0s",
    }));
  }

  /** Latencies of one slice of loops, microseconds. */
  async measure(): Promise<Histogram> {
    const latenciesUs = new Histogram();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onHandled = (number) => {
      latenciesUs.record((performance.now() - (this.#reportedAtMs[number] ?? 0)) * 1e3);
      if (latenciesUs.count === loopsPerSlice) resolve();
    };
    let left = loopsPerSlice;
    const timer = setInterval(() => {
      if (left-- === 0) clearInterval(timer);
      else this.#begin();
    }, loopEveryMs);
    await promise;
    return latenciesUs;
  }

  #begin(): void {
    const number = ++this.#count;
    this.#metrics[(number - 1) % metricCount]?.report(0);
    this.#metrics[number % metricCount]?.report(number);
    this.#reportedAtMs[number] = performance.now();
  }
}

/** Runs the benchmark, also as a test: what it holds is a ratio of the same run. */
export async function floodBench(slices: number = usualSlices): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  const data = join(directory, "data");
  const node = await startProcess(mainPath, [
    "up",
    "--port",
    "0",
    "--data",
    data,
    "--log-level",
    "warn",
  ]);
  try {
    const rules = JSON.stringify({ rules: ControlLoop.rules });
    await fetch(new URL("/api/v1/rules", node.announced["http"]), { method: "POST", body: rules });
    const url = node.announced["url"] ?? "";
    await using agent = await connect({ url, id: "controlled", type: "bench" });
    await using flood = await Flood.start(url, connections);
    const loop = new ControlLoop(agent);
    const idle: Histogram[] = [];
    const flooded: Histogram[] = [];
    let floodMs = 0;
    let floodBytes = 0;
    await loop.measure();
    for (let slice = 0; slice < slices; slice++) {
      idle.push(await loop.measure());
      const beganAtMs = performance.now();
      flood.begin();
      flooded.push(await loop.measure());
      floodBytes = await flood.end();
      floodMs += performance.now() - beganAtMs;
    }
    const of = (histograms: readonly Histogram[], percentile: number): number =>
      median(histograms.map((latenciesUs) => latenciesUs.percentile(percentile)));
    const figures = [50, 90, 99].flatMap((percentile) => {
      const [idleUs, floodedUs] = [of(idle, percentile), of(flooded, percentile)];
      const ratio = floodedUs / idleUs;
      const target = percentile === 99 ? { target: mostTimes } : {};
      return [
        { name: `control idle p${percentile}`, value: idleUs, unit: "us" },
        held({
          name: `control flooded p${percentile}`,
          value: floodedUs,
          unit: "us",
          ratio,
          ...target,
        }),
      ];
    });
    const megabytes = floodBytes / floodMs / 1e3;
    return {
      bench: "flood",
      machine: machine(),
      figures: [...figures, { name: "flood", value: megabytes, unit: "MB/s" }],
      ...(megabytes * 1e6 < leastFloodBytesPerSecond ? { void: "the flood was none" } : {}),
    };
  } finally {
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
