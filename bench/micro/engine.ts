/**
 * How many samples a second the engine takes on one core: 20 threshold rules, 100 agents. Beside it a
 * loop written by hand for just these rules, which stores and compares and does nothing else.
 *
 *     node bench/micro/engine.ts [--seconds N]
 */
import { parseArgs } from "node:util";
import { parseRuleFile, type RulePlan } from "@myelin/core/rules";
import { Engine } from "../../packages/node/src/engine/index.ts";

const ruleCount = 20;
const agentCount = 100;
const startUs = 1_760_000_000_000_000;

/** A kind of load: what a frame holds. */
interface Load {
  readonly name: string;
  readonly metrics: number;
  readonly frameSamples: number;
  /** Samples of a frame at one instant. */
  readonly instantSamples: number;
}

const loads: readonly Load[] = [
  {
    name: "frames of 100, one instant, 20 of 100 metrics read",
    metrics: 100,
    frameSamples: 100,
    instantSamples: 100,
  },
  {
    name: "frames of 100, 5 instants, all 20 metrics read",
    metrics: 20,
    frameSamples: 100,
    instantSamples: 20,
  },
  {
    name: "frames of 10, one instant, all 20 metrics read",
    metrics: 20,
    frameSamples: 10,
    instantSamples: 10,
  },
  {
    name: "frames of 10, one instant, 20 of 100 metrics read",
    metrics: 100,
    frameSamples: 10,
    instantSamples: 10,
  },
  { name: "frames of 1, all 20 metrics read", metrics: 20, frameSamples: 1, instantSamples: 1 },
];

/** Frames that are sent over and over, each time somewhat later. */
interface Frame {
  readonly metrics: Int32Array;
  readonly values: Float64Array;
  readonly offsetsUs: Float64Array;
}

const metricName = (number: number): string => `m${number}`;

function plans(): readonly RulePlan[] {
  const rules = Array.from(
    { length: ruleCount },
    (_, number) =>
      `  - { name: hot-${number}, expr: ${metricName(number)} > ${(0.9 + number / 1000).toFixed(3)}, for: 10s, action: throttle }`,
  );
  const result = parseRuleFile(`rules:\n${rules.join("\n")}\n`);
  if (result.rules.length !== ruleCount) throw new Error("the bench's rules are not valid");
  return result.rules;
}

function makeFrames(load: Load): readonly Frame[] {
  let seed = 1;
  const next = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  return Array.from({ length: 64 }, (_, frame) => ({
    metrics: Int32Array.from(
      { length: load.frameSamples },
      (_sample, index) => (frame * load.frameSamples + index) % load.metrics,
    ),
    values: Float64Array.from({ length: load.frameSamples }, () => next() * 0.905),
    offsetsUs: Float64Array.from(
      { length: load.frameSamples },
      (_sample, index) => Math.floor(index / load.instantSamples) * 1_000,
    ),
  }));
}

type Apply = (slot: number, frame: Frame, timesUs: Float64Array, nowUs: number) => void;

/** Time that this thread has computed; what other processes take from the core does not count. */
function cpuMs(): number {
  return process.threadCpuUsage().user / 1_000;
}

/** Samples that `apply` takes in a second of computing. */
function measure(load: Load, frames: readonly Frame[], apply: Apply, seconds: number): number {
  const timesUs = new Float64Array(load.frameSamples);
  let nowUs = startUs;
  let samples = 0;
  const run = (untilMs: number): number => {
    const before = cpuMs();
    samples = 0;
    for (;;) {
      for (let round = 0; round < 64; round += 1) {
        nowUs += 10_000;
        const frame = frames[round] as Frame;
        for (let index = 0; index < timesUs.length; index += 1)
          timesUs[index] = nowUs - 10_000 + (frame.offsetsUs[index] as number);
        for (let slot = 0; slot < agentCount; slot += 1) apply(slot, frame, timesUs, nowUs);
      }
      samples += 64 * agentCount * load.frameSamples;
      const elapsedMs = cpuMs() - before;
      if (elapsedMs >= untilMs) return (samples / elapsedMs) * 1_000;
    }
  };
  run(seconds * 300);
  return Math.max(run(seconds * 350), run(seconds * 350));
}

/** Gives the frames the engine's own numbers for metrics. */
function engineApply(load: Load, frames: readonly Frame[]): Apply {
  const engine = new Engine({
    maxAgents: 1_000,
    maxMetrics: 1_000,
    futureToleranceUs: 60e6,
    hooks: { onFiring: () => undefined },
  });
  engine.setRules(
    plans().map((plan) => ({ plan, version: 1, meaningVersion: 1 })),
    startUs,
  );
  const ids = Int32Array.from({ length: load.metrics }, (_, number) =>
    engine.metric(metricName(number)),
  );
  for (const frame of frames)
    frame.metrics.forEach((number, index) => {
      frame.metrics[index] = ids[number] as number;
    });
  for (let number = 0; number < agentCount; number += 1) {
    engine.join(
      { id: `agent-${number}`, type: "worker", tier: "edge", labels: {}, capabilities: [] },
      startUs,
    );
  }
  return (slot, frame, timesUs, nowUs) => {
    engine.apply(slot, 1, timesUs.length, frame.metrics, frame.values, timesUs, nowUs);
  };
}

/** The same rules by hand: latest values, thresholds, and since when each has held. */
function handWrittenApply(load: Load): Apply {
  const values = Array.from({ length: load.metrics }, () => new Float64Array(1_024));
  const times = Array.from({ length: load.metrics }, () => new Float64Array(1_024));
  const since = Array.from({ length: ruleCount }, () => new Float64Array(1_024));
  const thresholds = Float64Array.from({ length: ruleCount }, (_, number) => 0.9 + number / 1_000);
  let firings = 0;
  return (slot, frame, timesUs) => {
    for (let index = 0; index < timesUs.length; index += 1) {
      const metric = frame.metrics[index] as number;
      const value = frame.values[index] as number;
      const timeUs = timesUs[index] as number;
      (values[metric] as Float64Array)[slot] = value;
      (times[metric] as Float64Array)[slot] = timeUs;
      if (metric >= ruleCount) continue;
      const rule = since[metric] as Float64Array;
      if (value > (thresholds[metric] as number)) {
        if (rule[slot] === 0) rule[slot] = timeUs;
        else if (timeUs - (rule[slot] as number) >= 10e6) firings += 1;
      } else rule[slot] = 0;
    }
  };
}

const { values: options } = parseArgs({ options: { seconds: { type: "string", default: "2" } } });
const seconds = Number(options.seconds);
console.log(
  `${"samples a second, one core".padEnd(54)}${"engine".padStart(12)}${"by hand".padStart(12)}${"ratio".padStart(8)}`,
);
for (const load of loads) {
  const frames = makeFrames(load);
  const byHand = measure(load, frames, handWrittenApply(load), seconds);
  const engine = measure(load, frames, engineApply(load, frames), seconds);
  const millions = (rate: number): string => `${(rate / 1e6).toFixed(1)} M`.padStart(12);
  console.log(
    `${load.name.padEnd(54)}${millions(engine)}${millions(byHand)}${(byHand / engine).toFixed(2).padStart(8)}`,
  );
}
