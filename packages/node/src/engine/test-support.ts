import assert from "node:assert/strict";
import { parseRuleName, type RuleName } from "@myelin/core/ids";
import { type AgentAttributes, parseRuleFile, type RulePlan } from "@myelin/core/rules";
import { Engine, type EngineOptions, type Firing } from "./index.ts";

/** The instant that tests call 0 s. */
export const originUs = 1_760_000_000_000_000;

/** Seconds after the tests' origin, as microseconds since the epoch. */
export function us(seconds: number): number {
  return originUs + Math.round(seconds * 1e6);
}

/** A sample of a frame: seconds after the origin, metric, value. */
export type TestSample = readonly [atSeconds: number, metric: string, value: number];

/** The plans of a rule file that is expected to be valid. */
export function plansOf(rules: string): readonly RulePlan[] {
  const result = parseRuleFile(`rules:\n${rules}`);
  assert.deepEqual(
    result.problems.filter(({ severity }) => severity === "error"),
    [],
  );
  return result.rules;
}

/** An engine with all that it tells, and seconds for microseconds. */
export class TestEngine {
  readonly engine: Engine;
  readonly firings: Firing[] = [];
  /** `rule slot seconds` of each end of an episode. */
  readonly ends: string[] = [];
  /** `rule open` and `rule closed`. */
  readonly breakers: string[] = [];
  onFiring: (firing: Firing) => void = () => undefined;
  readonly #meanings = new Map<
    RuleName,
    { meaning: string; version: number; meaningVersion: number }
  >();

  constructor(rules = "", options: Partial<EngineOptions> = {}) {
    this.engine = new Engine({
      maxAgents: 1_000,
      maxMetrics: 1_000,
      futureToleranceUs: 60e6,
      hooks: {
        onFiring: (firing) => {
          this.firings.push(firing);
          this.onFiring(firing);
        },
        onEpisodeEnd: (rule, slot, atUs) =>
          this.ends.push(`${rule} ${slot} ${(atUs - originUs) / 1e6}`),
        onBreaker: (rule, isOpen) => this.breakers.push(`${rule} ${isOpen ? "open" : "closed"}`),
      },
      ...options,
    });
    if (rules !== "") this.rules(rules);
  }

  /** Puts rules in force, counting versions as the node does. */
  rules(text: string, atSeconds = 0): void {
    const versions = (text === "" ? [] : plansOf(text)).map((plan) => {
      const present = this.#meanings.get(plan.name);
      const isSame = present?.meaning === plan.meaning;
      const version = (present?.version ?? 0) + 1;
      const meaningVersion = isSame ? present.meaningVersion : version;
      this.#meanings.set(plan.name, { meaning: plan.meaning, version, meaningVersion });
      return { plan, version, meaningVersion };
    });
    this.engine.setRules(versions, us(atSeconds));
  }

  join(id = "a1", attributes: Partial<AgentAttributes> = {}, atSeconds = 0): number {
    const slot = this.engine.join(attributesOf(id, attributes), us(atSeconds));
    this.engine.startTimeLine(slot, 1, "line-1");
    return slot;
  }

  /** Applies one frame; the node's clock shows `nowSeconds`, or the newest sample's time. */
  frame(
    slot: number,
    samples: readonly TestSample[],
    options: { part?: number; nowSeconds?: number } = {},
  ): void {
    const metrics = Int32Array.from(samples, ([, metric]) => this.engine.metric(metric));
    const values = Float64Array.from(samples, ([, , value]) => value);
    const times = Float64Array.from(samples, ([atSeconds]) => us(atSeconds));
    const nowSeconds = options.nowSeconds ?? samples.at(-1)?.[0] ?? 0;
    this.engine.apply(
      slot,
      options.part ?? 1,
      samples.length,
      metrics,
      values,
      times,
      us(nowSeconds),
    );
  }

  /** Applies one sample of the metric `m`, or of another. */
  send(slot: number, atSeconds: number, value: number, metric = "m", part = 1): void {
    this.frame(slot, [[atSeconds, metric, value]], { part });
  }

  /** Seconds at which firings happened so far. */
  get firedAt(): readonly number[] {
    return this.firings.map(({ sampleTimeUs }) => (sampleTimeUs - originUs) / 1e6);
  }

  /** Names of the rules that fired so far, in their order. */
  get fired(): readonly string[] {
    return this.firings.map(({ plan }) => plan.name);
  }

  state(slot: number, rule = "r"): string {
    const found = this.engine.agentStates(slot).find((state) => state.rule === rule);
    assert.ok(found !== undefined);
    return found.state;
  }

  /** Tells that the latest instruction ended. */
  end(atSeconds: number, succeeded = true): void {
    const firing = this.firings.at(-1);
    assert.ok(firing !== undefined);
    const { rule, attempt, startedAtUs } = firing.episode;
    this.engine.instructionEnded(rule, firing.slot, {
      succeeded,
      endedAtUs: us(atSeconds),
      attempt,
      startedAtUs,
    });
  }
}

export function attributesOf(
  id: string,
  attributes: Partial<AgentAttributes> = {},
): AgentAttributes {
  return { id, type: "worker", tier: "edge", labels: {}, capabilities: [], ...attributes };
}

export function ruleName(name: string): RuleName {
  return parseRuleName(name);
}
