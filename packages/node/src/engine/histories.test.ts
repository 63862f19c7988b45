import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseRuleFile } from "@myelin/core/rules";
import fc from "fast-check";
import { Engine } from "./engine.ts";
import type { HistoryLayout, HistoryRecord } from "./histories.ts";
import { windowReadings } from "./windows/index.ts";
import { WordReader, WordWriter } from "./words.ts";

const startUs = 1_760_000_000_000_000;
const agent = { id: "a1", type: "worker", tier: "edge", labels: {}, capabilities: [] };

/** An engine with one agent, whose windows of all functions are read through what its rules ask for. */
class Life {
  readonly engine: Engine;
  readonly fired = new Map<string, number[]>();
  slot = 0;

  constructor(rules: string, windowSamples = 8) {
    this.engine = new Engine({
      maxAgents: 8,
      maxMetrics: 64,
      futureToleranceUs: 60e6,
      windowSamples,
      hooks: {
        onFiring: ({ plan, args }) => {
          const values = Object.values(args).map(Number);
          this.fired.set(plan.name, [...(this.fired.get(plan.name) ?? []), ...values]);
        },
      },
    });
    this.rules(rules);
  }

  rules(text: string, nowUs = startUs): void {
    const parsed = parseRuleFile(text);
    assert.ok(parsed.problems.every(({ severity }) => severity === "warning"));
    this.engine.setRules(
      parsed.rules.map((plan) => ({ plan, version: 1, meaningVersion: 1 })),
      nowUs,
    );
  }

  join(line = "app/i/t/0"): this {
    this.slot = this.engine.join(agent, startUs);
    this.engine.startTimeLine(this.slot, 1, line);
    return this;
  }

  sample(metric: string, atUs: number, value: number): void {
    const { engine, slot } = this;
    engine.observe(slot, 1, engine.metric(metric), value, atUs, atUs);
  }
}

/** Keeps an agent's past, as the disk does. */
class Keeper {
  layout: HistoryLayout | undefined;
  records: HistoryRecord[] = [];
  readonly #writer = new WordWriter(4);

  keep({ engine, slot }: Life, isWhole = false): void {
    this.layout = engine.histories.changedLayout() ?? this.layout;
    assert.ok(this.layout !== undefined);
    const isAll = isWhole || !engine.histories.isBegun(slot);
    if (isAll) this.records = [];
    const applied = { samplesUs: 17, eventsUs: -Infinity };
    engine.histories.write(slot, this.#writer, () => applied, isAll ? [] : undefined);
    const words = this.#writer.take();
    this.records.push({ layout: this.layout, words, at: 0, end: words.length });
  }

  /** Another run takes up what was kept. */
  revive(life: Life, nowUs: number, rules: string, line?: string): [string, number][] {
    const marks: [string, number][] = [];
    assert.ok(this.layout !== undefined);
    assert.equal(life.engine.histories.adopt(this.layout), undefined);
    life.rules(rules, nowUs);
    life.engine.restarted(nowUs);
    life.join(line);
    const isTaken = life.engine.takeUpHistory(life.slot, this.records, {
      latestUs: nowUs + 60e6,
      isSameClock: (line, other) => line === other,
      onMark: (line, { samplesUs }) => marks.push([line, samplesUs]),
    });
    assert.equal(isTaken, true);
    return marks;
  }
}

const functions = Object.keys(windowReadings).map((name) => `${name}(m, "1s")`);
const quantiles = [0, 0.5, 0.9].map((quantile) => `quantile_over_time(${quantile}, m, "1s")`);
const counts = [`count_events("call", "1s")`];

/** A rule for each reading, which fires at each sample of `look` and tells what it read. */
function rulesOf(readings: readonly string[]): string {
  const rules = readings.map((reading, number) => ({
    name: `r${number}`,
    expr: `look > 0 && default(${reading}, 0) == default(${reading}, 0)`,
    action: "tell",
    args: { value: `\${${reading}}` },
    cooldown: "0s",
    mode: "shadow",
  }));
  return JSON.stringify({ rules });
}

const all = rulesOf([...functions, ...quantiles, ...counts, "m"]);

interface Step {
  readonly gapUs: number;
  readonly value: number;
  readonly does: "sample" | "event" | "look" | "keep" | "keep all" | "line";
}

const steps = fc.array(
  fc.record({
    gapUs: fc.constantFrom(0, 1, 10_000, 50_000, 100_000, 300_000, 2_000_000),
    value: fc.oneof(
      fc.integer({ min: -3, max: 9 }),
      fc.double({ min: -1e3, max: 1e3, noNaN: true }),
      fc.constantFrom(Number.NaN, Infinity),
    ),
    does: fc.constantFrom<Step["does"]>(
      ...(["sample", "sample", "sample", "sample", "sample", "sample"] as const),
      ...(["event", "look", "keep", "keep", "keep all", "line"] as const),
    ),
  }),
  { maxLength: 120, size: "max" },
);

/** The same, but for the rounding of sums that were made in another order. */
function isNear(actual: number, expected: number): boolean {
  if (Object.is(actual, expected) || actual === expected) return true;
  return Math.abs(actual - expected) <= 1e-9 + 1e-12 * Math.abs(expected);
}

/** Beyond what any of the streams has in a window: it stays exact. */
const exactBound = 1_000;

/** Into buckets the engine takes what is put behind a newest sample as if it came with that, so only exact windows get such. */
function run(
  life: Life,
  taken: readonly Step[],
  from: number,
  bound: number,
  keeper?: Keeper,
): number {
  let nowUs = from;
  const behindUs = bound === exactBound ? 40_000 : 0;
  for (const { gapUs, value, does } of taken) {
    nowUs += gapUs;
    const { engine, slot } = life;
    if (does === "sample") life.sample("m", nowUs, value);
    else if (does === "event") engine.event(slot, 1, { type: "call", attrs: {} }, nowUs, nowUs);
    else if (does === "look") {
      life.sample("look", nowUs, 1);
      life.sample("look", nowUs, 0);
    } else if (does === "line") {
      engine.startTimeLine(slot, 1, `app/i/t/${nowUs}`);
      life.sample("m", nowUs - behindUs, value);
    } else keeper?.keep(life, does === "keep all");
  }
  return nowUs;
}

describe("histories", () => {
  test("whatever a window's function, it gives what it gives without a restart", () => {
    fc.assert(
      fc.property(steps, steps, fc.constantFrom(2, 8, exactBound), (before, after, bound) => {
        const lasting = new Life(all, bound).join();
        const keeper = new Keeper();
        const nowUs = run(lasting, before, startUs, bound, keeper);
        keeper.keep(lasting);
        const revived = new Life("rules: []", bound);
        const line = lasting.engine.timeLine(lasting.slot, 1);
        const marks = keeper.revive(revived, nowUs, all, line);
        assert.ok(marks.every(([, partUs]) => partUs === 17));
        lasting.fired.clear();
        const last: Step = { gapUs: 1_000, value: 1, does: "look" };
        for (const life of [lasting, revived]) run(life, [last, ...after, last], nowUs, bound);
        assert.deepEqual([...revived.fired.keys()], [...lasting.fired.keys()]);
        for (const [rule, values] of lasting.fired) {
          const other = revived.fired.get(rule) ?? [];
          assert.equal(other.length, values.length, rule);
          for (const [index, value] of values.entries())
            assert.ok(
              isNear(other[index] ?? Number.NaN, value),
              `${rule}: ${other[index]} is not ${value}`,
            );
        }
      }),
      { numRuns: 100 },
    );
  });

  test("a sample that no rule reads is nothing to tell", () => {
    const life = new Life(rulesOf([`count_over_time(m, "10s")`])).join();
    new Keeper().keep(life);
    const { histories } = life.engine;
    life.sample("other", startUs + 1_000_000, 1);
    assert.equal(histories.nextToTell(0), histories.slots);
    life.sample("m", startUs + 1_000_000, 1);
    assert.equal(histories.nextToTell(0), life.slot);
  });

  test("a window that began later holds nothing of what came before it, after a restart too", () => {
    const short = rulesOf([`count_over_time(m, "10s")`]);
    const both = rulesOf([`count_over_time(m, "10s")`, `count_over_time(m, "20s")`]);
    const life = new Life(short).join();
    const keeper = new Keeper();
    life.sample("m", startUs + 1_000_000, 1);
    keeper.keep(life);
    life.rules(both, startUs + 1_500_000);
    life.sample("m", startUs + 2_000_000, 1);
    keeper.keep(life);
    const revived = new Life("rules: []");
    keeper.revive(revived, startUs + 3_000_000, both);
    revived.sample("look", startUs + 4_000_000, 1);
    assert.deepEqual(Object.fromEntries(revived.fired), { r0: [2], r1: [1] });
  });

  test("a window that was not there begins anew, one that is gone is passed over", () => {
    const life = new Life(rulesOf([`count_over_time(m, "10s")`, `count_over_time(n, "10s")`]));
    life.join();
    const keeper = new Keeper();
    life.sample("m", startUs + 1_000_000, 1);
    life.sample("n", startUs + 1_000_000, 1);
    keeper.keep(life);
    const revived = new Life("rules: []");
    const rules = rulesOf([`count_over_time(n, "10s")`, `default(count_over_time(m, "9s"), 0)`]);
    keeper.revive(revived, startUs + 2_000_000, rules);
    revived.sample("look", startUs + 3_000_000, 1);
    assert.deepEqual(Object.fromEntries(revived.fired), { r0: [1], r1: [0] });
  });

  test("silence counts from no earlier than the restart", () => {
    const rules = rulesOf([`age(m)`]);
    const life = new Life(rules).join();
    life.sample("m", startUs, 1);
    const keeper = new Keeper();
    keeper.keep(life);
    const revived = new Life("rules: []");
    keeper.revive(revived, startUs + 5_000_000, rules);
    revived.sample("look", startUs + 6_000_000, 1);
    assert.deepEqual(Object.fromEntries(revived.fired), { r0: [1] });
  });

  test("what another version kept in another form is not taken up: its windows begin anew", () => {
    const rules = rulesOf([`stddev_over_time(m, "10s")`]);
    const life = new Life(rules).join();
    life.sample("m", startUs + 1_000_000, 1);
    const keeper = new Keeper();
    keeper.keep(life);
    const { windowForm, ...before } = keeper.layout ?? assert.fail();
    for (const other of [
      before,
      { ...before, windowForm: windowForm?.replace("squares 5", "spread 4") },
    ]) {
      const { histories } = new Life("rules: []").engine;
      assert.equal(histories.adopt(other as HistoryLayout), "windowForm");
      assert.deepEqual(histories.layout.logs, []);
    }
  });

  test("what is from ahead of the clock, or of windows that pass to buckets elsewhere, is not taken up", () => {
    const rules = rulesOf([`count_over_time(m, "10s")`]);
    const life = new Life(rules).join();
    life.sample("m", startUs + 1_000_000, 1);
    const keeper = new Keeper();
    keeper.keep(life);
    const layout = keeper.layout ?? assert.fail();
    assert.equal(new Life(rules, 9).engine.histories.adopt(layout), "windowSamples");
    const revived = new Life(rules).join();
    const isTaken = revived.engine.takeUpHistory(revived.slot, keeper.records, {
      latestUs: startUs,
      isSameClock: () => true,
      onMark: () => undefined,
    });
    assert.equal(isTaken, false);
  });

  test("numbers and texts are read as they were written", () => {
    const writer = new WordWriter(1);
    writer.number(-0.5);
    writer.text("zwölf Ümlaute");
    writer.text("");
    writer.copy(Float64Array.of(1, 2, 3), 1, 3);
    const reader = new WordReader(writer.take());
    assert.deepEqual([reader.number(), reader.text(), reader.text()], [-0.5, "zwölf Ümlaute", ""]);
    const copy = new Float64Array(3);
    reader.copyTo(copy, 1, 2);
    assert.deepEqual([...copy], [0, 2, 3]);
    assert.ok(reader.isAtEnd);
    assert.ok(Number.isNaN(reader.number()));
  });
});
