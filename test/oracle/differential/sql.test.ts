import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { compileSql, planRule, type RuleSource } from "@myelin/core/rules";
import fc from "fast-check";
import { defaultOracleSettings, type Happening, type Sample } from "../history.ts";
import { EngineUnderTest } from "./engine-under-test.ts";
import { originUs, sqlHistory, sqlRules } from "./sql-pairs.ts";

/** Samples of one agent, in the order in which they came. */
type Histories = Readonly<Record<string, readonly Sample[]>>;

interface FiringRow {
  readonly rule: string;
  readonly agent: string;
  readonly started_at_us: number;
  readonly fired_at_us: number;
}

const nowUs = originUs + 3_600_000_000;

class Tables {
  readonly #database = new DatabaseSync(":memory:");

  constructor() {
    this.#database.exec(`
      CREATE TABLE samples (agent TEXT, metric TEXT, time_us INTEGER, seq INTEGER, value REAL);
      CREATE TABLE agents (agent TEXT, type TEXT, tier TEXT);
      CREATE TABLE labels (agent TEXT, label TEXT, value TEXT);`);
  }

  fill(histories: Histories): void {
    this.#database.exec("DELETE FROM samples; DELETE FROM agents; DELETE FROM labels; BEGIN");
    const insert = this.#database.prepare("INSERT INTO samples VALUES (?, ?, ?, ?, ?)");
    for (const [agent, samples] of Object.entries(histories)) {
      this.#database.prepare("INSERT INTO agents VALUES (?, 'worker', 'edge')").run(agent);
      if (agent !== "a3")
        this.#database
          .prepare("INSERT INTO labels VALUES (?, 'zone', ?)")
          .run(agent, zoneOf(agent));
      for (const [seq, { metric, value, atUs }] of samples.entries())
        insert.run(agent, metric, atUs, seq, value);
    }
    this.#database.exec("COMMIT");
  }

  firings(sql: string): readonly FiringRow[] {
    return this.#database
      .prepare(sql)
      .all()
      .map((row) => ({ ...row })) as unknown as FiringRow[];
  }
}

const zoneOf = (agent: string): string => (agent === "a1" ? "x" : "y's");

function sqlOf(source: RuleSource): string {
  const { plan, problems } = planRule(source);
  assert.ok(plan !== undefined, JSON.stringify(problems));
  const result = compileSql(plan);
  assert.ok(result.ok, JSON.stringify(result));
  return result.sql;
}

/** What the engine fires, by agent and time. */
function firingsOf(source: RuleSource, histories: Histories): readonly FiringRow[] {
  const engine = new EngineUnderTest(defaultOracleSettings);
  engine.tell({ kind: "rules", rules: [source], nowUs: originUs });
  for (const [id, samples] of Object.entries(histories)) {
    const labels = id === "a3" ? {} : { zone: zoneOf(id) };
    const attributes = { id, type: "worker", tier: "edge", labels, capabilities: [] };
    engine.tell({ kind: "join", attributes, nowUs: originUs });
    const ordered = samples.toSorted((a, b) => a.atUs - b.atUs);
    engine.tell({ kind: "frame", agent: id, part: "app", samples: ordered, nowUs });
  }
  return engine.happenings
    .filter(
      (happening): happening is Extract<Happening, { kind: "fires" }> => happening.kind === "fires",
    )
    .map(({ rule, agent, sinceUs, atUs }) => ({
      rule,
      agent,
      started_at_us: sinceUs,
      fired_at_us: atUs,
    }))
    .toSorted((a, b) =>
      a.agent === b.agent ? a.fired_at_us - b.fired_at_us : a.agent < b.agent ? -1 : 1,
    );
}

test("the SQL of a rule fires what the engine fires, on random rules and histories", () => {
  const tables = new Tables();
  let firings = 0;
  fc.assert(
    fc.property(sqlRules, fc.tuple(sqlHistory, sqlHistory, sqlHistory), (rule, [a1, a2, a3]) => {
      const histories = { a1, a2, a3 };
      tables.fill(histories);
      const expected = firingsOf(rule, histories);
      assert.deepEqual(tables.firings(sqlOf(rule)), expected);
      firings += expected.length;
    }),
    { numRuns: 600 },
  );
  assert.ok(firings > 600, `${firings} firings in all`);
});
