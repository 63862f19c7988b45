/** Measures one case in a process of its own, so that no other has shaped the compiled code: the engine and the loop by hand, in turns. */
import process from "node:process";
import { parseRuleFile } from "@myelin/core/rules";
import { Engine } from "../../packages/node/src/engine/index.ts";
import { median } from "../report/index.ts";
import { type Apply, byHand, type Frame } from "./by-hand.ts";
import { type Case, cases, groups } from "./cases.ts";
import type { Rates } from "./rules.ts";

const startUs = 1_760_000_000_000_000;
const warmUpMs = 700;
const measureMs = 500;
const rounds = 5;
/** Turns of all agents between two looks at the clock, which takes as long as many samples. */
const turnsAtOnce = 20;
/** Frames of values that are sent over and over. */
const frameCount = 64;

/** Time that this thread has computed; what other processes take from the core does not count. */
function cpuMs(): number {
  return process.threadCpuUsage().user / 1_000;
}

function frames({ metrics, instants }: Case): readonly Frame[] {
  let seed = 1;
  const next = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const length = metrics * instants;
  return Array.from({ length: frameCount }, () => ({
    metrics: Int32Array.from({ length }, (_, at) => at % metrics),
    values: Float64Array.from({ length }, next),
    timesUs: new Float64Array(length),
  }));
}

/** A load that goes on: a frame of each agent in turn. */
class Load {
  readonly #case: Case;
  readonly #frames: readonly Frame[];
  readonly #apply: Apply;
  #nowUs = startUs;
  firings = 0;

  constructor(what: Case, apply: Apply) {
    this.#case = what;
    this.#frames = frames(what);
    this.#apply = apply;
  }

  /** Samples taken in a second of computing. */
  rate(forMs: number): number {
    const { agents, metrics, instants } = this.#case;
    const before = cpuMs();
    for (let turns = turnsAtOnce; ; turns += turnsAtOnce) {
      for (let turn = 0; turn < turnsAtOnce; turn += 1) this.#turn();
      const tookMs = cpuMs() - before;
      if (tookMs >= forMs) return (turns * agents * metrics * instants * 1_000) / tookMs;
    }
  }

  #turn(): void {
    const { agents, metrics, instants, intervalUs } = this.#case;
    const frame = this.#frames[(this.#nowUs / intervalUs) % frameCount] as Frame;
    for (let at = 0; at < frame.timesUs.length; at += 1)
      frame.timesUs[at] = this.#nowUs + Math.floor(at / metrics) * intervalUs;
    this.#nowUs += instants * intervalUs;
    for (let slot = 0; slot < agents; slot += 1) this.firings = this.#apply(slot, frame);
  }
}

function byEngine(what: Case): Apply {
  let firings = 0;
  const engine = new Engine({
    maxAgents: what.agents,
    maxMetrics: 2_000,
    futureToleranceUs: 60e6,
    hooks: {
      onFiring: () => {
        firings += 1;
      },
    },
  });
  const lines = what.conditions.map((expr, at) => ({ name: `r${at}`, expr, action: "stop" }));
  const { rules } = parseRuleFile(JSON.stringify({ rules: lines }));
  if (rules.length !== lines.length) throw new Error(`the rules of ${what.name} are not valid`);
  engine.setRules(
    rules.map((plan) => ({ plan, version: 1, meaningVersion: 1 })),
    startUs,
  );
  const own = Int32Array.from({ length: what.metrics }, (_, at) => engine.metric(`m${at}`));
  const metrics = Int32Array.from(
    { length: what.metrics * what.instants },
    (_, at) => own[at % what.metrics] as number,
  );
  const attributes = { type: "worker", tier: "edge", capabilities: [] };
  for (let at = 0; at < what.agents; at += 1)
    engine.join({ id: `agent-${at}`, labels: { zone: `z${at % groups}` }, ...attributes }, startUs);
  return (slot, { values, timesUs }) => {
    const nowUs = timesUs[timesUs.length - 1] as number;
    engine.apply(slot, 1, values.length, metrics, values, timesUs, nowUs);
    return firings;
  };
}

const what = cases.find(({ name }) => name === process.argv[2]);
if (what === undefined) throw new Error(`there is no case ${process.argv[2]}`);
const loads = [new Load(what, byEngine(what)), new Load(what, byHand(what))] as const;
for (const load of loads) load.rate(warmUpMs);
const rates = Array.from({ length: rounds }, () => loads.map((load) => load.rate(measureMs)));
process.send?.({
  engine: median(rates.map(([engine = Number.NaN]) => engine)),
  byHand: median(rates.map(([, hand = Number.NaN]) => hand)),
  firings: loads[0].firings,
} satisfies Rates);
process.disconnect?.();
