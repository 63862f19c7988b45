import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { Recorded } from "@myelin/core/recordings";
import { runBacktest } from "./backtest.ts";
import { beginUs, dataOf, diceOf, Live, rulesOf } from "./test-support.ts";

const second = 1e6;
const rules = rulesOf(`
rules:
  - { name: hot, expr: cpu > 0.7, resolve: cpu < 0.4, action: cool, cooldown: 3s, attempts: 3, args: { cpu: "\${cpu}" } }
  - { name: slow, expr: 'avg_over_time(mem, "5s") > 0.5 for 2s', keep_firing_for: 1s, action: trim }
  - { name: silent, expr: 'absent(cpu, "4s")', action: wake, cooldown: 1s }
  - { name: old, expr: age(mem) > 3.0 for 1s, keep_firing_for: 500ms, action: ask }
  - { name: oops, where: agent.type == "agent", expr: event.type == "oops", action: note, limit: 3/10s }
  - { name: busy, expr: twin.busy && cpu > 0.5, action: rest, mode: shadow }
`);

suite("backtests", () => {
  test("rules told a node's recording decide what they decided in the node, at the same instants", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1e6), fc.constantFrom(0, 700_000), async (seed, latenessUs) => {
        const live = new Live(rules, diceOf(seed), latenessUs);
        live.live(150);
        const data = [dataOf(live.recorded, true, 1 + (seed % 40))];
        const result = await runBacktest({ rules, before: rules, data, settings: { latenessUs } });
        const firings = result.firings.map(({ rule, agent, args, atUs, attempt, mode }) => ({
          ...{ rule, agent, args, atUs, attempt, mode },
        }));
        // Of what was open in the end nobody knows when it would have ended.
        const untilUs = (live.recorded.at(-1)?.atUs ?? 0) - 5 * second;
        const certain = live.firings.filter(({ atUs }) => atUs < untilUs);
        assert.ok(certain.length > 10);
        assert.deepEqual(
          firings.filter(({ atUs }) => atUs < untilUs),
          certain,
        );
        assert.equal(result.differenceCount, 0);
      }),
      { numRuns: 60 },
    );
  });

  test("a recording replayed twice gives the same, with other rules and without ends and timers, too", async () => {
    const others = rulesOf(`rules:
  - { name: hot, expr: cpu > 0.5 for 1s, action: cool, cooldown: 5s }
  - { name: silent, expr: 'absent(mem, "2s")', action: wake }
`);
    await fc.assert(
      fc.asyncProperty(fc.nat(1e6), fc.boolean(), async (seed, isOfNode) => {
        const live = new Live(rules, diceOf(seed), 0);
        live.live(80);
        const kept = live.recorded.filter(
          ({ kind }) => isOfNode || (kind !== "end" && kind !== "timers"),
        );
        const data = [dataOf(kept, isOfNode)];
        const options = { rules: others, before: rules, data };
        const [first, second] = [await runBacktest(options), await runBacktest(options)];
        assert.ok(first.differenceCount > 0);
        assert.deepEqual(first, second);
      }),
      { numRuns: 20 },
    );
  });
});

const at = (seconds: number): number => beginUs + seconds * second;

/** Samples of `cpu`, a second apart. */
function series(agent: string, values: readonly number[], fromSecond = 0): Recorded[] {
  return values.map((value, index) => {
    const atUs = at(fromSecond + index);
    return {
      kind: "samples",
      atUs,
      agent,
      part: 1,
      samples: [{ metric: "cpu", value, timeUs: atUs }],
    };
  });
}

const hot = rulesOf(`rules: [{ name: hot, expr: cpu > 0.9, action: cool }]`);

suite("a backtest's comparison", () => {
  test("tells what is decided only now, only before, at another time and in another way", async () => {
    const before = rulesOf(`rules:
  - { name: hot, expr: cpu > 0.8 for 2s, action: cool }
  - { name: gone, expr: cpu > 0.9, action: cool }
`);
    const now = rulesOf(`rules:
  - { name: hot, expr: cpu > 0.8 for 1s, action: cool }
  - { name: new, expr: cpu == 0.5, action: note }
`);
    const data = [dataOf(series("w1", [0.5, 0.85, 0.85, 0.95, 0.1]))];
    const result = await runBacktest({ rules: now, before, data });
    const told = result.differences.map((difference) => {
      const firing = difference.kind === "removed" ? difference.before : difference.now;
      const wasUs = difference.kind === "changed" ? difference.before.atUs : undefined;
      return [difference.kind, firing.rule, firing.atUs, wasUs];
    });
    assert.deepEqual(told, [
      ["added", "new", at(0), undefined],
      ["changed", "hot", at(2), at(3)],
      ["removed", "gone", at(3), undefined],
    ]);
    const otherWay = rulesOf(`rules: [{ name: hot, expr: cpu > 0.9, action: cool, mode: shadow }]`);
    const changed = await runBacktest({ rules: otherWay, before: hot, data });
    assert.deepEqual(
      changed.differences.map(({ kind }) => kind),
      ["changed"],
    );
  });

  test("pairs decisions with the nearest ones, and none that are more than a minute apart", async () => {
    const values = Array.from({ length: 200 }, (_, index) => (index % 3 === 0 ? 0.95 : 0.2));
    const early = rulesOf(`rules: [{ name: hot, expr: cpu > 0.9, action: cool, cooldown: 150s }]`);
    const late = rulesOf(
      `rules: [{ name: hot, expr: cpu > 0.9 && agent.uptime > 100.0, action: cool, cooldown: 150s }]`,
    );
    const data = [dataOf(series("w1", values))];
    const result = await runBacktest({ rules: early, before: late, data });
    assert.deepEqual(
      result.differences.map((difference) => [
        difference.kind,
        ((difference.kind === "removed" ? difference.before : difference.now).atUs - beginUs) /
          second,
      ]),
      [
        ["added", 0],
        ["changed", 150],
      ],
    );
  });
});

suite("a backtest", () => {
  test("joins agents of which nothing was told as what they are by default, and counts what it told", async () => {
    const data = [dataOf(series("w1", [0.95, 0.1, 0.95])), dataOf(series("w2", [0.1, 0.95], 1))];
    const { range, inputs, samples, agents, now, firings } = await runBacktest({
      rules: hot,
      data,
    });
    assert.deepEqual([range, inputs, samples, agents], [{ fromUs: at(0), toUs: at(2) }, 5, 5, 2]);
    assert.deepEqual(now.rules, [
      {
        ...{ rule: "hot", firings: 3, sent: 3, suppressed: 0, episodes: 3, agents: 2 },
        ...{ firingUs: second, breakerOpenings: 0 },
      },
    ]);
    assert.deepEqual(
      firings.map(({ agent, atUs, action }) => [agent, atUs, action]),
      [
        ["w1", at(0), "cool"],
        ["w1", at(2), "cool"],
        ["w2", at(2), "cool"],
      ],
    );
  });

  test("counts nothing before `from`, though it tells it, and tells nothing after `to`", async () => {
    const sum = rulesOf(
      `rules: [{ name: sum, expr: 'sum_over_time(cpu, "1m") > 2.0 && cpu > 0.9', action: x }]`,
    );
    const data = [dataOf(series("w1", [1, 1, 0, 1, 0, 1, 0, 1]))];
    const options = { rules: sum, data, fromUs: at(4), toUs: at(6) };
    const { firings, now } = await runBacktest(options);
    assert.deepEqual(
      firings.map(({ atUs }) => atUs),
      [at(5)],
    );
    assert.equal(now.rules[0]?.episodes, 1);
  });

  test("runs timers when they are due where nobody recorded when they ran", async () => {
    const silent = rulesOf(`rules: [{ name: silent, expr: 'absent(cpu, "2s")', action: wake }]`);
    const data = [dataOf([...series("w1", [0]), ...series("w2", [0], 10)])];
    const { firings } = await runBacktest({ rules: silent, data });
    assert.deepEqual(
      firings.map(({ agent, atUs }) => [agent, atUs]),
      [["w1", at(2)]],
    );
  });

  test("an agent that is back after a restart of the node goes on with what it had, and is asked nothing while it is away", async () => {
    const rule = rulesOf(`rules:
  - { name: hot, expr: cpu > 0.9, action: cool }
  - { name: silent, expr: 'absent(cpu, "2s")', action: wake }
`);
    const attributes = { id: "w1", type: "agent", tier: "device", labels: {}, capabilities: [] };
    const join = (seconds: number): Recorded => ({
      kind: "join",
      atUs: at(seconds),
      agent: "w1",
      attributes,
    });
    const data = [
      dataOf([
        { kind: "start", atUs: at(0) },
        join(0),
        ...series("w1", [0.95]),
        { kind: "start", atUs: at(1) },
        join(10),
        ...series("w1", [0.95], 10),
        { kind: "gap", atUs: at(11), count: 7 },
      ]),
    ];
    const { firings, missing } = await runBacktest({ rules: rule, data });
    assert.deepEqual(
      firings.map(({ rule: name, atUs }) => [name, atUs]),
      [["hot", at(0)]],
    );
    assert.equal(missing, 7);
  });

  test("nothing recorded gives nothing", async () => {
    const { range, firingCount } = await runBacktest({ rules: hot, data: [dataOf([])] });
    assert.deepEqual([range, firingCount], [undefined, 0]);
  });
});
