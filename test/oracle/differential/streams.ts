/** Random things that happen, relative to the moment: gaps, ties, late and future samples, NaN, infinities, clock steps. */
import type { JsonObject } from "@myelin/core/json";
import type { AgentAttributes, RuleSource } from "@myelin/core/rules";
import fc from "fast-check";
import type { Happening, Input } from "../history.ts";
import type { Feature } from "./features.ts";
import { metricNames, ruleNames, rulesNamed, ruleUpdates } from "./rules.ts";

/** One step of a stream, before it is known when it happens and what happened before. */
export type Step =
  | { readonly kind: "clock"; readonly byUs: number; readonly runs: boolean }
  | {
      readonly kind: "frame";
      readonly agent: string;
      readonly part: string;
      readonly samples: readonly (readonly [aheadUs: number, metric: string, value: number])[];
    }
  | {
      readonly kind: "twin";
      readonly agent: string;
      readonly twin: JsonObject;
      readonly aheadUs: number;
    }
  | { readonly kind: "attributes"; readonly attributes: AgentAttributes }
  | { readonly kind: "leave" | "session"; readonly agent: string }
  | { readonly kind: "line"; readonly agent: string; readonly part: string }
  | { readonly kind: "ended"; readonly back: number; readonly succeeded: boolean }
  | { readonly kind: "rules"; readonly rules: readonly RuleSource[] }
  /** Other fields of a rule in force, so that the rest of it stays. */
  | { readonly kind: "update"; readonly rule: string; readonly fields: Partial<RuleSource> }
  | { readonly kind: "enforcing"; readonly isEnforcing: boolean }
  | { readonly kind: "close-breaker"; readonly rule: string }
  | {
      readonly kind: "event";
      readonly agent: string;
      readonly part: string;
      readonly type: string;
      readonly attrs: JsonObject;
      readonly aheadUs: number;
    }
  | { readonly kind: "restart" };

const agent = fc.constantFrom("a1", "a1", "a1", "a2", "a3");
const part = fc.constantFrom("app", "app", "supervisor");
const value = fc.constantFrom(...[0, 0, 1, 1, 2, 2, 2, 3, 3, -1], Number.NaN, Infinity, -Infinity);
/** Before (late) or after the clock, on a coarse grid so that ties are common; seldom far ahead. */
const aheadUs = fc.constantFrom(
  ...[0, 0, 0, 250_000, 500_000, 1_000_000, -250_000, -500_000, -1_000_000, -2_000_000, 1, -1],
  61_000_000,
);
const twin: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      n: fc.constantFrom(0, 1, 2),
      on: fc.boolean(),
      deep: fc.constantFrom<JsonObject>({}, { n: 1 }, { n: 3 }),
      list: fc.constantFrom([], [1], [1, 2]),
    },
    { requiredKeys: [] },
  )
  .map((fields): JsonObject => ({ ...fields }));

/** A whole set of rules. */
export function ruleSets(features: ReadonlySet<Feature>): fc.Arbitrary<readonly RuleSource[]> {
  const rules = fc.tuple(...ruleNames.map((name) => rulesNamed(name, features)));
  return rules.chain((all) => fc.subarray(all, { minLength: 1 }));
}

/** Steps of a stream with some features. */
export function steps(features: ReadonlySet<Feature>): fc.Arbitrary<Step> {
  const weighted = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
  return fc.oneof(
    weighted(
      20,
      fc.record({
        kind: fc.constant("frame" as const),
        agent,
        part,
        samples: fc.array(fc.tuple(aheadUs, metricNames, value), { minLength: 1, maxLength: 5 }),
      }),
    ),
    weighted(6, bursts),
    weighted(
      10,
      fc.record({
        kind: fc.constant("clock" as const),
        byUs: fc.constantFrom(1, 999, 250_000, 500_000, 1_000_000, 3_000_000, 10_000_000),
        runs: fc.boolean(),
      }),
    ),
    weighted(
      8,
      fc.record({
        kind: fc.constant("ended" as const),
        back: fc.nat({ max: 2 }),
        succeeded: fc.boolean(),
      }),
    ),
    weighted(3, fc.record({ kind: fc.constant("twin" as const), agent, twin, aheadUs })),
    weighted(
      2,
      fc.record({
        kind: fc.constant("attributes" as const),
        attributes: fc
          .tuple(agent, fc.constantFrom("x", "y", undefined), fc.boolean())
          .map(([id, zone, hasGpu]) => attributesOf(id, zone, hasGpu)),
      }),
    ),
    weighted(3, fc.record({ kind: fc.constant("line" as const), agent, part })),
    weighted(1, fc.record({ kind: fc.constantFrom("leave" as const, "session" as const), agent })),
    weighted(1, fc.record({ kind: fc.constant("rules" as const), rules: ruleSets(features) })),
    weighted(
      2,
      fc.record({
        kind: fc.constant("update" as const),
        rule: fc.constantFrom(...ruleNames),
        fields: ruleUpdates,
      }),
    ),
    weighted(1, fc.record({ kind: fc.constant("enforcing" as const), isEnforcing: fc.boolean() })),
    weighted(
      1,
      fc.record({
        kind: fc.constant("close-breaker" as const),
        rule: fc.constantFrom(...ruleNames),
      }),
    ),
    ...(features.has("events") ? [weighted(8, eventSteps)] : []),
    ...(features.has("restarts")
      ? [weighted(1, fc.record({ kind: fc.constant("restart" as const) }))]
      : []),
  );
}

/** Many samples of one metric, so that windows fill. */
const bursts: fc.Arbitrary<Step> = fc
  .tuple(agent, metricNames, fc.array(fc.tuple(aheadUs, value), { minLength: 3, maxLength: 9 }))
  .map(([id, metric, samples]) => ({
    kind: "frame",
    agent: id,
    part: "app",
    samples: samples.map(([ahead, sampled]) => [ahead, metric, sampled] as const),
  }));

const eventSteps: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("event" as const),
  agent,
  part,
  type: fc.constantFrom("call", "error", "other"),
  attrs: fc.constantFrom<JsonObject>({}, { n: 1 }, { n: 2 }),
  aheadUs,
});

function attributesOf(id: string, zone: string | undefined = "x", hasGpu = true): AgentAttributes {
  return {
    id,
    type: "worker",
    tier: "edge",
    labels: zone === undefined ? {} : { zone },
    capabilities: hasGpu ? ["gpu"] : [],
  };
}

/** Makes inputs of steps, one after another: it knows the time, who is there, and what fired. */
export class Story {
  #nowUs = 1_760_000_000_000_000;
  readonly #present = new Set<string>();
  #rules: readonly RuleSource[] = [];

  /** The inputs that a step stands for; an agent that is not there joins first. */
  inputsOf(step: Step, happenings: readonly Happening[]): readonly Input[] {
    const nowUs = this.#nowUs;
    switch (step.kind) {
      case "clock":
        this.#nowUs += step.byUs;
        return step.runs ? [{ kind: "clock", nowUs: this.#nowUs }] : [];
      case "frame": {
        const samples = step.samples.map(([ahead, metric, sampled]) => ({
          metric,
          value: sampled,
          atUs: nowUs + ahead,
        }));
        return [...this.#admit(step.agent), { ...step, samples, nowUs }];
      }
      case "twin":
      case "event":
        return [...this.#admit(step.agent), { ...step, atUs: nowUs + step.aheadUs, nowUs }];
      case "attributes":
        return [...this.#admit(step.attributes.id), { ...step, nowUs }];
      case "leave":
        return this.#present.delete(step.agent)
          ? [{ kind: "leave", agent: step.agent, nowUs }]
          : [];
      case "session":
        return [{ kind: "session", agent: step.agent, nowUs }];
      case "line":
        return [...this.#admit(step.agent), { ...step, nowUs }];
      case "ended": {
        const sent = happenings.filter(
          (happening) =>
            happening.kind === "fires" && !happening.isShadow && !happening.isSuppressed,
        );
        const firing = sent.at(-1 - step.back);
        if (firing?.kind !== "fires" || !this.#present.has(firing.agent)) return [];
        const { rule, agent: id, sinceUs, attempt } = firing;
        const { succeeded } = step;
        return [{ kind: "ended", rule, agent: id, sinceUs, attempt, succeeded, nowUs }];
      }
      case "rules":
        return [this.#change(step.rules)];
      case "update":
        return this.#rules.some(({ name }) => name === step.rule)
          ? [
              this.#change(
                this.#rules.map((rule) =>
                  rule.name === step.rule ? { ...rule, ...step.fields } : rule,
                ),
              ),
            ]
          : [];
      default:
        return [{ ...step, nowUs }];
    }
  }

  get present(): readonly string[] {
    return [...this.#present].toSorted();
  }

  #change(rules: readonly RuleSource[]): Input {
    this.#rules = rules;
    return { kind: "rules", rules, nowUs: this.#nowUs };
  }

  #admit(id: string): readonly Input[] {
    if (this.#present.has(id)) return [];
    this.#present.add(id);
    return [{ kind: "join", attributes: attributesOf(id), nowUs: this.#nowUs }];
  }
}
