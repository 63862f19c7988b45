import { formatTime } from "@myelin/core/instruction";
import { nearest, type RulePlan } from "@myelin/core/rules";
import type { Backtest, BacktestFiring, Difference, RuleFigures } from "@myelin/node";
import { printable, readableUs, table } from "../output/index.ts";
import type { OpenedData } from "./open-data.ts";

/** What people read of it: what each rule did, and how that differs; at most `limit` lines of single firings. */
export function textOfBacktest(backtest: Backtest, limit: number): string {
  const { before, firings, firingCount, differences, differenceCount } = backtest;
  const parts = [rulesText(backtest), `${dataText(backtest)}\n`];
  if (before === undefined)
    parts.push(listed("firing", firings.map(firingText), firingCount, limit));
  else if (differenceCount === 0) parts.push("no firing differs\n");
  else parts.push(listed("difference", differences.map(differenceText), differenceCount, limit));
  return parts.join("\n");
}

/** What is wrong with data, a line each. */
export function problemsOfData({ name, problems, problemCount }: OpenedData): string {
  const lines = problems.map(({ line, column, message, hint }) => {
    const mend = hint === undefined ? "" : `: ${hint}`;
    return `${name}:${line}:${column}: ${printable(message)}${mend}\n`;
  });
  const more = problemCount - problems.length;
  return lines.join("") + (more > 0 ? `${name}: and ${more} more\n` : "");
}

/** What casts doubt on a result, a line each. */
export function warningsOfBacktest(
  backtest: Backtest,
  rules: readonly RulePlan[],
  data: readonly OpenedData[],
): readonly string[] {
  const { metrics, missing, samples, now } = backtest;
  const unread = rules.flatMap(({ name, inputs }) =>
    inputs.metrics.flatMap((metric) => {
      if (samples === 0 || metrics.has(metric)) return [];
      const candidate = nearest(metric, metrics);
      const mend = candidate === undefined ? "" : `: did you mean ${candidate}?`;
      return [`rule ${name} reads ${metric}, of which there is no sample${mend}`];
    }),
  );
  const behind = data.flatMap(({ name, behind: of }) =>
    of === undefined || of.lines === 0
      ? []
      : [
          `${name}: ${counted(of.lines, "line")} older than a line before, from line ${of.firstLine} on, by up to ${readableUs(of.mostUs)}: told as if they had come late; sort by time where they did not`,
        ],
  );
  const of = (count: number, what: string): string[] =>
    count === 0 ? [] : [`${counted(count, "input")} ${what}`];
  return [
    ...unread,
    ...behind,
    ...of(missing, "the node did not record"),
    ...of(now.late, "came too late for rules, and were passed over"),
    ...of(now.future, "were too far ahead of the clock, and were passed over"),
  ];
}

function rulesText({ now, before }: Backtest): string {
  const names = new Set([...now.rules, ...(before?.rules ?? [])].map(({ rule }) => rule));
  const was = (text: string): string[] => (before === undefined ? [] : [text]);
  const rows = [...names].toSorted().map((name) => {
    const figures = now.rules.find(({ rule }) => rule === name);
    const old = before?.rules.find(({ rule }) => rule === name);
    return [
      name,
      String(figures?.firings ?? "-"),
      ...was(String(old?.firings ?? "-")),
      String(figures?.sent ?? "-"),
      String(figures?.agents ?? "-"),
      readableUs(figures?.firingUs),
      breakerText(figures),
    ];
  });
  return table([
    ["RULE", "FIRINGS", ...was("BEFORE"), "SENT", "AGENTS", "FIRING FOR", "BREAKER"],
    ...rows,
  ]);
}

function breakerText(figures: RuleFigures | undefined): string {
  if (figures === undefined || figures.breakerOpenings === 0) return "-";
  return `opened ${figures.breakerOpenings}×`;
}

function dataText({ range, samples, agents }: Backtest): string {
  const what = `${counted(samples, "sample")} of ${counted(agents, "agent")}`;
  return range === undefined
    ? "nothing was recorded"
    : `${what}, ${formatTime(range.fromUs)} to ${formatTime(range.toUs)}`;
}

function listed(what: string, lines: readonly string[], count: number, limit: number): string {
  const shown = lines.slice(0, limit);
  const more = count - shown.length;
  const rest = more > 0 ? [`and ${more} more (--limit, --json)`] : [];
  return [`${counted(count, what)}${count === 0 ? "" : ":"}`, ...shown, ...rest, ""].join("\n");
}

function differenceText(difference: Difference): string {
  switch (difference.kind) {
    case "added":
      return `+ ${firingText(difference.now)}`;
    case "removed":
      return `- ${firingText(difference.before)}`;
    case "changed":
      return `~ ${firingText(difference.now)} (before: ${changeText(difference.now, difference.before)})`;
  }
}

/** What was otherwise before. */
function changeText(now: BacktestFiring, before: BacktestFiring): string {
  const args = argsText(before);
  return [
    before.atUs === now.atUs ? [] : formatTime(before.atUs),
    before.action === now.action ? [] : before.action,
    args === argsText(now) ? [] : args || "no args",
    before.attempt === now.attempt ? [] : `attempt ${before.attempt}`,
    before.mode === now.mode ? [] : before.mode,
  ]
    .flat()
    .join(" ");
}

function firingText(firing: BacktestFiring): string {
  const { rule, agent, action, atUs, attempt, mode } = firing;
  return [
    `${formatTime(atUs)} ${rule} -> ${printable(agent)} ${action}`,
    argsText(firing),
    attempt > 1 ? `attempt ${attempt}` : "",
    mode === "sent" ? "" : mode,
  ]
    .filter((part) => part !== "")
    .join(" ");
}

function argsText({ args }: BacktestFiring): string {
  return Object.keys(args).length === 0 ? "" : printable(JSON.stringify(args));
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
