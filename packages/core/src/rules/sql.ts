/**
 * Compiles the plan of a rule that samples alone drive to one query of standard SQL: the firings of a whole history.
 *
 * Tables: `samples (agent, metric, time_us, seq, value)`, `value` NULL for NaN, in order of `time_us, seq` within an agent;
 * where `where` reads them, `agents (agent, type, tier)` and `labels (agent, label, value)`. Rows: `(rule, agent,
 * started_at_us, fired_at_us)`.
 *
 * Invariants
 * 1. An evaluation is the last row of an instant of an agent at which a metric of `inputs.metrics` has a sample.
 * 2. `holds` is 1, 0 or NULL, as `expr` is true, false or unknown; `ends` is 1 where that which ends an episode holds, else 0.
 *    Where `ends` is 1, `holds` is not.
 * 3. A rule fires once between two ends that were complete: at the first row at which it has held for as long as it must.
 *    No step looks at whether it fired before, so windows over partitions suffice.
 */
import type { RulePlan } from "./plan.ts";
import { type SqlRefusal, type SqlWindow, SqlWriter, textLiteral } from "./sql-expression.ts";

/** A query, or what of the rule it cannot hold. */
export type SqlResult =
  | { readonly ok: true; readonly sql: string }
  | { readonly ok: false; readonly refusals: readonly SqlRefusal[] };

/** Compiles a rule to SQL; refused is, by its name, whatever would not have the same meaning there. */
export function compileSql(plan: RulePlan): SqlResult {
  const writer = new SqlWriter();
  refuseFields(plan, writer);
  const holds = writer.condition(plan.condition);
  const resolve = plan.resolve === undefined ? undefined : writer.condition(plan.resolve);
  const where = plan.where === undefined ? undefined : writer.where(plan.where);
  const { refusals } = writer;
  if (refusals.length > 0) return { ok: false, refusals };
  const steps = [
    ["ordered", orderedRows(plan, where)],
    ["counted", countedRows(writer)],
    ["valued", valuedRows(writer)],
    ["evaluated", evaluatedRows(writer, holds)],
    ["judged", judgedRows(resolve)],
    ["marked", markedRows()],
    ["begun", begunRows(plan)],
    ["parted", partedRows(plan)],
    ["ripe", ripeRows(plan)],
  ] as const;
  const query = steps.map(([name, text]) => `${name} AS (\n  ${text}\n)`).join(",\n");
  const columns = `${textLiteral(plan.name)} AS rule, agent, since_us AS started_at_us, time_us AS fired_at_us`;
  return {
    ok: true,
    sql: `WITH ${query}\nSELECT ${columns}\nFROM ripe WHERE number = 1\nORDER BY agent, time_us`,
  };
}

function refuseFields(plan: RulePlan, writer: SqlWriter): void {
  const { inputs } = plan;
  if (inputs.metrics.length === 0)
    writer.refuse("a rule without metrics", "nothing would evaluate it");
  if (plan.unless !== undefined) writer.refuse("unless", "it reads the state of another rule");
  if (plan.cooldownUs > 0)
    writer.refuse("cooldown", "it runs from the end of an instruction, which is no sample");
  if (plan.attempts > 1)
    writer.refuse("attempts", "they depend on how an instruction ended, which is no sample");
  if (plan.mode === "off") writer.refuse("mode: off", "the rule never fires");
  // An end while unknown is held would leave what is pending, and end what fires: each row would need the state before.
  if (plan.missing === "hold" && plan.resolve !== undefined && plan.forUs > 0)
    writer.refuse(
      "missing: hold beside for and resolve",
      "whether it fires would depend on whether it fired before",
    );
}

const byTime = "PARTITION BY agent ORDER BY time_us";
const byPlace = "PARTITION BY agent ORDER BY place";

/** The samples that the rule reads. */
function orderedRows({ inputs }: RulePlan, where: string | undefined): string {
  const metrics = inputs.metrics.map(textLiteral).join(", ");
  const also = where === undefined ? "" : ` AND ${where}`;
  return `SELECT agent, metric, time_us, value, ROW_NUMBER() OVER (PARTITION BY agent ORDER BY time_us, seq) AS place
  FROM samples WHERE metric IN (${metrics})${also}`;
}

const isLast = ({ function: name }: SqlWindow): boolean => name === "last_over_time";

/** Counts samples, so that each begins a part in which it is the latest; and what frames give. */
function countedRows({ latest, windows }: SqlWriter): string {
  const counts = latest.map(
    (metric, number) =>
      `COUNT(CASE WHEN metric = ${textLiteral(metric)} THEN 1 END) OVER (${byPlace}) AS latest_part_${number}`,
  );
  const frames = windows.flatMap((window, number) => windowRows(window, number));
  const columns = [`LEAD(time_us) OVER (${byPlace}) AS next_us`, ...counts, ...frames];
  return `SELECT *,\n    ${columns.join(",\n    ")}\n  FROM ordered`;
}

function windowRows(window: SqlWindow, number: number): readonly string[] {
  const { metric, widthUs } = window;
  const isOf = `metric = ${textLiteral(metric)}`;
  if (isLast(window))
    return [`COUNT(CASE WHEN ${isOf} THEN value END) OVER (${byPlace}) AS window_part_${number}`];
  const over = `OVER (${byTime} RANGE BETWEEN ${widthUs - 1} PRECEDING AND CURRENT ROW)`;
  const value = `CASE WHEN ${isOf} THEN value END`;
  const low = `MIN(${value}) ${over}`;
  const high = `MAX(${value}) ${over}`;
  switch (window.function) {
    case "min_over_time":
      return [`${low} AS window_${number}`];
    case "max_over_time":
      return [`${high} AS window_${number}`];
    case "count_over_time":
      return [`NULLIF(COUNT(${value}) ${over}, 0) AS window_${number}`];
    default: {
      // Sums are of finite values, so that an infinity leaves no trace; those of infinities are of the extremes.
      const name = window.function === "avg_over_time" ? "AVG" : "SUM";
      const finite = `CASE WHEN ${isOf} AND value - value = 0 THEN value END`;
      return [
        `${low} AS window_low_${number}`,
        `${high} AS window_high_${number}`,
        `${name}(${finite}) ${over} AS window_finite_${number}`,
      ];
    }
  }
}

/** Latest values: each part holds one sample, its first row. */
function valuedRows({ latest, windows }: SqlWriter): string {
  const values = latest.map(
    (metric, number) =>
      `MAX(CASE WHEN metric = ${textLiteral(metric)} THEN value END) OVER (PARTITION BY agent, latest_part_${number}) AS latest_${number}`,
  );
  const lasts = windows.flatMap((window, number) => {
    if (!isLast(window)) return [];
    const part = `OVER (PARTITION BY agent, window_part_${number})`;
    const isOf = `metric = ${textLiteral(window.metric)} AND value IS NOT NULL`;
    return [
      `MAX(CASE WHEN ${isOf} THEN value END) ${part} AS window_last_${number}`,
      `MAX(CASE WHEN ${isOf} THEN time_us END) ${part} AS window_last_us_${number}`,
    ];
  });
  return `SELECT ${["*", ...values, ...lasts].join(",\n    ")}\n  FROM counted`;
}

/** One row for each instant, with what the windows give at it. */
function evaluatedRows({ windows }: SqlWriter, holds: string): string {
  const made = windows.flatMap((window, number) => {
    if (isLast(window))
      return [
        `CASE WHEN window_last_us_${number} > time_us - ${window.widthUs} THEN window_last_${number} END AS window_${number}`,
      ];
    if (window.function !== "avg_over_time" && window.function !== "sum_over_time") return [];
    const [low, high] = [`window_low_${number}`, `window_high_${number}`];
    return [
      `CASE WHEN ${low} - ${low} = 0 AND ${high} - ${high} = 0 THEN window_finite_${number} ELSE ${low} + ${high} END AS window_${number}`,
    ];
  });
  const inner = `SELECT ${["*", ...made].join(",\n      ")}\n    FROM valued WHERE next_us IS NULL OR next_us > time_us`;
  return `SELECT *, CASE ${holds} WHEN TRUE THEN 1 WHEN FALSE THEN 0 END AS holds\n  FROM (\n    ${inner}\n  ) AS instants`;
}

/** Where that which ends an episode holds. */
function judgedRows(resolve: string | undefined): string {
  const ends =
    resolve === undefined
      ? "CASE WHEN holds = 0 THEN 1 ELSE 0 END"
      : `CASE WHEN holds = 1 THEN 0 WHEN ${resolve} THEN 1 ELSE 0 END`;
  return `SELECT *, ${ends} AS ends FROM evaluated`;
}

function markedRows(): string {
  return `SELECT agent, time_us, holds, ends,
    LAG(time_us) OVER (${byTime}) AS before_us,
    LAG(holds) OVER (${byTime}) AS held,
    LAG(ends) OVER (${byTime}) AS ended,
    MAX(CASE WHEN holds = 0 THEN time_us END) OVER (${byTime}) AS false_us
  FROM judged`;
}

/** Since when it has held, and since when its end has. */
function begunRows({ missing, forUs }: RulePlan): string {
  const since =
    missing === "hold" && forUs > 0
      ? "MIN(CASE WHEN holds = 1 THEN time_us END) OVER (PARTITION BY agent, false_us ORDER BY time_us)"
      : `MAX(CASE WHEN holds = 1 AND COALESCE(held, 0) = 0 THEN time_us END) OVER (${byTime})`;
  return `SELECT *,
    ${since} AS since_us,
    MAX(CASE WHEN ends = 1 AND COALESCE(ended, 0) = 0 THEN time_us END) OVER (${byTime}) AS ending_us
  FROM marked`;
}

/** Parts that an end has parted: one that held for long enough, by a row or by the timer, which has whole milliseconds. */
function partedRows({ keepFiringForUs }: RulePlan): string {
  const dueUs = `(ending_us + ${keepFiringForUs + 999}) / 1000 * 1000`;
  return `SELECT *,
    MAX(CASE WHEN ends = 0 AND ended = 1 AND (before_us >= ending_us + ${keepFiringForUs} OR time_us > ${dueUs})
      THEN time_us END) OVER (${byTime}) AS parted_us
  FROM begun`;
}

function ripeRows({ forUs }: RulePlan): string {
  return `SELECT *, ROW_NUMBER() OVER (PARTITION BY agent, parted_us ORDER BY time_us) AS number
  FROM parted WHERE holds = 1 AND time_us >= since_us + ${forUs}`;
}
