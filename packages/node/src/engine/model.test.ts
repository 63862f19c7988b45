import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { originUs, ruleName, TestEngine, type TestSample } from "./test-support.ts";

/**
 * The engine against a model that is plainly what RULES says, for one agent: objects and maps, nothing
 * shared with the engine. Random rules and streams, with gaps, ties, late and future samples, NaN and
 * infinities, two parts, new time lines, instructions that succeed and fail, and the clock running on.
 */

type Truth = true | false | undefined;
type Values = ReadonlyMap<string, number>;

const compare = (values: Values, metric: string, test: (value: number) => boolean): Truth => {
  const value = values.get(metric);
  return value === undefined || Number.isNaN(value) ? undefined : test(value);
};
const and = (a: Truth, b: Truth): Truth =>
  a === false || b === false ? false : a === true && b === true ? true : undefined;
const or = (a: Truth, b: Truth): Truth =>
  a === true || b === true ? true : a === false && b === false ? false : undefined;

/** A condition as text and by hand. */
interface Condition {
  readonly text: string;
  readonly metrics: readonly string[];
  readonly holds: (values: Values) => Truth;
}

const above = (metric: string, bound: number) => (values: Values) =>
  compare(values, metric, (value) => value > bound);
const conditions: readonly Condition[] = [
  { text: "a > 1", metrics: ["a"], holds: above("a", 1) },
  {
    text: "a > 1 && b > 0",
    metrics: ["a", "b"],
    holds: (values) => and(above("a", 1)(values), above("b", 0)(values)),
  },
  {
    text: "a > 1 || b > 1",
    metrics: ["a", "b"],
    holds: (values) => or(above("a", 1)(values), above("b", 1)(values)),
  },
  {
    text: "b >= 1",
    metrics: ["b"],
    holds: (values) => compare(values, "b", (value) => value >= 1),
  },
];
const ends: readonly Condition[] = [
  { text: "a < 1", metrics: ["a"], holds: (values) => compare(values, "a", (value) => value < 1) },
  { text: "c > 1", metrics: ["c"], holds: above("c", 1) },
];

interface ModelRule {
  readonly name: string;
  readonly condition: Condition;
  readonly resolve: Condition | undefined;
  readonly forSeconds: number;
  readonly keepSeconds: number;
  readonly missing: "reset" | "hold";
  readonly cooldownSeconds: number;
  readonly attempts: number;
  readonly mode: "enforce" | "shadow";
  readonly unless: string | undefined;
}

interface ModelState {
  state: "inactive" | "pending" | "firing";
  since: number;
  endingSince: number | undefined;
  cooldownUntil: number;
  attempt: number;
  failed: boolean;
  latest: number | undefined;
}

/** One agent and its rules; all times are seconds. */
class Model {
  readonly log: string[] = [];
  late = 0;
  future = 0;
  readonly emitted: {
    readonly rule: ModelRule;
    readonly since: number;
    readonly attempt: number;
  }[] = [];
  readonly states = new Map<string, ModelState>();
  readonly #rules: readonly ModelRule[];
  readonly #values = new Map<string, number>();
  readonly #series = new Map<
    string,
    { readonly at: number; readonly part: number; readonly line: number }
  >();
  readonly #newest = new Map<number, number>();
  readonly #lines = new Map<number, number>();
  #time = Number.NEGATIVE_INFINITY;
  /** The latest instant at which rules were looked at. */
  #evaluatedAt = Number.NaN;
  #instant = Number.NaN;
  #before = new Map<string, string>();

  constructor(rules: readonly ModelRule[]) {
    this.#rules = rules;
    for (const { name } of rules) {
      this.states.set(name, {
        state: "inactive",
        since: 0,
        endingSince: undefined,
        cooldownUntil: Number.NEGATIVE_INFINITY,
        attempt: 0,
        failed: false,
        latest: undefined,
      });
    }
  }

  startLine(part: number): void {
    this.#lines.set(part, this.#line(part) + 1);
    this.#newest.delete(part);
  }

  /** Samples and `nowSeconds` in seconds; inside, all instants are whole microseconds. */
  frame(samples: readonly TestSample[], part: number, nowSeconds: number): void {
    const timed = samples.map(([at, ...rest]): TestSample => [Math.round(at * 1e6), ...rest]);
    const newest = this.#newest.get(part) ?? Number.NEGATIVE_INFINITY;
    const inTime = timed.filter(([at]) => at <= nowSeconds * 1e6 + 60e6);
    this.future += samples.length - inTime.length;
    const kept = inTime.filter(([at]) => at >= newest);
    this.late += inTime.length - kept.length;
    for (const own of new Set(kept.map(([at]) => at))) {
      const isUsed = own < this.#time && this.#evaluatedAt === this.#time;
      const instant = Math.max(own, this.#time) + (isUsed ? 1 : 0);
      this.#runTimers((due) => due < instant);
      const changed = new Set<string>();
      for (const [at, metric, value] of kept) {
        if (at !== own) continue;
        const series = this.#series.get(metric);
        if (series !== undefined && series.line === this.#line(series.part) && at < series.at) {
          this.late += 1;
          continue;
        }
        this.#values.set(metric, value);
        this.#series.set(metric, { at, part, line: this.#line(part) });
        this.#newest.set(part, at);
        changed.add(metric);
      }
      if (changed.size === 0) continue;
      this.#evaluate(instant, (metrics) => metrics.some((metric) => changed.has(metric)));
    }
  }

  advance(nowSeconds: number): void {
    this.#runTimers((due) => due <= nowSeconds * 1e6);
  }

  end(index: number, nowSeconds: number, succeeded: boolean): void {
    const at = nowSeconds * 1e6;
    const instruction = this.emitted[index];
    assert.ok(instruction !== undefined);
    const { rule, since, attempt } = instruction;
    const state = this.#state(rule);
    const until =
      rule.cooldownSeconds > 0 ? at + rule.cooldownSeconds * 1e6 : Number.NEGATIVE_INFINITY;
    if (state.latest !== since || state.attempt !== attempt) {
      state.cooldownUntil = Math.max(state.cooldownUntil, until);
      return;
    }
    state.cooldownUntil = until;
    if (state.state === "firing" && state.since === since) state.failed = !succeeded;
  }

  #line(part: number): number {
    return this.#lines.get(part) ?? 0;
  }

  #state(rule: ModelRule): ModelState {
    const state = this.states.get(rule.name);
    assert.ok(state !== undefined);
    return state;
  }

  /** Enters an instant: what rules were before it is what `unless` sees. */
  #enter(instant: number): void {
    this.#time = instant;
    if (instant === this.#instant) return;
    this.#instant = instant;
    this.#before = new Map([...this.states].map(([name, { state }]) => [name, state]));
  }

  #runTimers(isDue: (due: number) => boolean): void {
    for (;;) {
      const next = this.#rules
        .flatMap((rule) => {
          const { endingSince } = this.#state(rule);
          return endingSince === undefined
            ? []
            : [{ rule, due: Math.ceil((endingSince + rule.keepSeconds * 1e6) / 1_000) * 1_000 }];
        })
        .filter(({ due }) => isDue(due))
        .toSorted((a, b) => a.due - b.due || (a.rule.name < b.rule.name ? -1 : 1))[0];
      if (next === undefined) return;
      const instant = Math.max(next.due, this.#time);
      this.#enter(instant);
      this.#finish(next.rule, instant);
    }
  }

  #finish(rule: ModelRule, at: number): void {
    Object.assign(this.#state(rule), { state: "inactive", endingSince: undefined });
    this.log.push(`${rule.name} ends ${at}`);
  }

  #evaluate(at: number, reads: (metrics: readonly string[]) => boolean): void {
    this.#enter(at);
    const fires: string[] = [];
    for (const rule of this.#rules) {
      if (!reads([...rule.condition.metrics, ...(rule.resolve?.metrics ?? [])])) continue;
      this.#evaluatedAt = at;
      if (this.#evaluateRule(rule, at)) {
        const { since, attempt } = this.#state(rule);
        this.emitted.push({ rule, since, attempt });
        fires.push(`${rule.name} fires ${at} since ${since} attempt ${attempt}`);
      }
    }
    this.log.push(...fires);
  }

  /** True when it emits an instruction. */
  #evaluateRule(rule: ModelRule, at: number): boolean {
    const state = this.#state(rule);
    const holds = rule.condition.holds(this.#values);
    if (state.state === "firing") {
      const isOver =
        rule.resolve === undefined
          ? holds === false
          : holds !== true && rule.resolve.holds(this.#values) === true;
      if (isOver) {
        state.endingSince ??= at;
        if (at >= state.endingSince + rule.keepSeconds * 1e6) {
          this.#finish(rule, at);
          return false;
        }
      } else state.endingSince = undefined;
      if (!state.failed || state.attempt >= rule.attempts || at < state.cooldownUntil) return false;
      state.attempt += 1;
    } else {
      const isHeldBack = rule.unless !== undefined && this.#before.get(rule.unless) === "firing";
      if (holds !== true || isHeldBack) {
        if (holds !== undefined || rule.missing === "reset") state.state = "inactive";
        return false;
      }
      if (state.state === "inactive") state.since = at;
      state.state = "pending";
      if (at < state.since + rule.forSeconds * 1e6 || at < state.cooldownUntil) return false;
      state.state = "firing";
      state.attempt = 1;
    }
    state.failed = false;
    state.latest = state.since;
    if (rule.cooldownSeconds > 0)
      state.cooldownUntil =
        rule.mode === "shadow" ? at + rule.cooldownSeconds * 1e6 : Number.POSITIVE_INFINITY;
    return true;
  }
}

const seconds = (most: number) =>
  fc.constantFrom(...[0, 0, 1, 2, 3, 5].filter((value) => value <= most));
const names = ["r0", "r1", "r2", "r3"];
const rule = (name: string): fc.Arbitrary<ModelRule> =>
  fc.record({
    name: fc.constant(name),
    condition: fc.constantFrom(...conditions),
    resolve: fc.option(fc.constantFrom(...ends), { nil: undefined }),
    forSeconds: seconds(3),
    keepSeconds: seconds(3),
    missing: fc.constantFrom("reset", "hold"),
    cooldownSeconds: seconds(5),
    attempts: fc.integer({ min: 1, max: 3 }),
    mode: fc.constantFrom("enforce", "enforce", "shadow"),
    unless: fc.option(fc.constantFrom(...names.filter((other) => other !== name)), {
      nil: undefined,
    }),
  });

const value = fc.constantFrom(
  0,
  1,
  2,
  2,
  3,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
);
/** Seconds before (late) or after the clock, on a coarse grid so that ties are common; seldom far ahead. */
const ahead = fc.constantFrom(-2, -1, -0.5, 0, 0, 0.25, 0.5, 1, 61);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("frame" as const),
      part: fc.constantFrom(1, 1, 2),
      samples: fc.array(fc.tuple(ahead, fc.constantFrom("a", "b", "c", "unread"), value), {
        minLength: 1,
        maxLength: 6,
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("clock" as const),
      by: fc.constantFrom(0.25, 0.5, 1, 3, 10),
      runs: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      back: fc.nat({ max: 2 }),
      succeeded: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("line" as const), part: fc.constantFrom(1, 2) }),
  },
);

function textOf(rules: readonly ModelRule[]): string {
  return rules
    .map((rule) => {
      const fields = [
        `name: ${rule.name}`,
        `expr: ${rule.condition.text}`,
        `for: ${rule.forSeconds}s`,
        `keep_firing_for: ${rule.keepSeconds}s`,
        `missing: ${rule.missing}`,
        `cooldown: ${rule.cooldownSeconds}s`,
        `attempts: ${rule.attempts}`,
        `mode: ${rule.mode}`,
        ...(rule.resolve === undefined ? [] : [`resolve: ${rule.resolve.text}`]),
        ...(rule.unless === undefined ? [] : [`unless: ${rule.unless}`]),
        "action: stop",
      ];
      return `  - { ${fields.join(", ")} }`;
    })
    .join("\n");
}

test("the engine does what the words say, on random rules and streams", () => {
  const rules = fc.tuple(...names.map(rule)).chain((all) => fc.subarray(all, { minLength: 1 }));
  fc.assert(
    fc.property(rules, fc.array(step, { maxLength: 60, size: "max" }), (chosen, steps) => {
      const model = new Model(chosen);
      const log: string[] = [];
      const sinceOriginUs = (atUs: number): number => atUs - originUs;
      const fleet = new TestEngine(textOf(chosen), {
        hooks: {
          onEpisodeEnd: (name, _slot, atUs) => log.push(`${name} ends ${sinceOriginUs(atUs)}`),
          onFiring: ({ plan, sampleTimeUs, episode }) =>
            log.push(
              `${plan.name} fires ${sinceOriginUs(sampleTimeUs)} since ${sinceOriginUs(episode.startedAtUs)} attempt ${episode.attempt}`,
            ),
        },
      });
      const slot = fleet.join();
      let now = 100;
      let lines = 0;
      for (const action of steps) {
        if (action.kind === "frame") {
          const samples = action.samples
            .map(([by, metric, sampled]): TestSample => [now + by, metric, sampled])
            .toSorted(([a], [b]) => a - b);
          model.frame(samples, action.part, now);
          fleet.frame(slot, samples, { part: action.part, nowSeconds: now });
        } else if (action.kind === "clock") {
          now += action.by;
          if (action.runs) {
            model.advance(now);
            fleet.engine.advance(originUs + now * 1e6);
          }
        } else if (action.kind === "line") {
          lines += 1;
          model.startLine(action.part);
          fleet.engine.startTimeLine(slot, action.part, `line-${lines}b`);
        } else {
          const index = model.emitted.length - 1 - action.back;
          const instruction = model.emitted[index];
          if (instruction === undefined || instruction.rule.mode === "shadow") continue;
          model.end(index, now, action.succeeded);
          fleet.engine.instructionEnded(ruleName(instruction.rule.name), slot, {
            succeeded: action.succeeded,
            endedAtUs: originUs + now * 1e6,
            attempt: instruction.attempt,
            startedAtUs: originUs + instruction.since,
          });
        }
        assert.deepEqual(log, model.log);
        assert.deepEqual(
          fleet.engine.agentStates(slot).map(({ rule: name, state }) => [name, state]),
          [...model.states].map(([name, { state }]) => [name, state]),
        );
        const { late, future } = fleet.engine.counters;
        assert.deepEqual([late, future], [model.late, model.future]);
      }
    }),
    { numRuns: 300 },
  );
});
