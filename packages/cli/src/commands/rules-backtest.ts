import process from "node:process";
import { buildCommand, type Command, type TypedFlagParameter } from "@stricli/core";
import { parseDuration } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { parseTime } from "@myelin/core/instruction";
import { formatProblem, type RulePlan } from "@myelin/core/rules";
import type { OpenedData, RuleSets } from "../backtest/index.ts";
import {
  type CliContext,
  clientOf,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import { exitCodes } from "../exit-codes.ts";

interface BacktestFlags extends NodeFlags {
  readonly rules: readonly string[];
  readonly data: readonly string[];
  readonly against?: readonly string[];
  readonly from?: number;
  readonly to?: number;
  readonly lateness?: number;
  readonly staleAfter?: number;
  readonly windowSamples?: number;
  readonly limit: number;
  readonly failOnChange: boolean;
  readonly json: boolean;
}

/** `myelin rules backtest --rules FILE --data PATH`: what rules decide about what was recorded. */
export const backtestRules: Command<CliContext> = buildCommand<BacktestFlags, [], CliContext>({
  docs: {
    brief: "Tell rules recorded telemetry, and compare what they decide with the rules in force",
    fullDescription:
      "Replays recorded telemetry in virtual time, in the engine that nodes run: CSV, JSON lines, or what a node recorded. It prints what the rules decide, and how that differs from the rules that the running node has in force, or from other files. Exits 0 when it could, 1 with --fail-on-change when a firing differs, 2 when a file is wrong.",
  },
  parameters: {
    flags: {
      rules: files("Rule file in YAML or JSON; may be repeated", "FILE"),
      data: files(
        "Recorded telemetry: FILE.csv, FILE.jsonl, either as .gz, a node's data directory, or - for JSON lines on standard input; may be repeated",
        "PATH",
      ),
      against: {
        ...files("Compare with the rules of this file, not with a node's; may be repeated", "FILE"),
        optional: true,
      },
      from: given(
        parseTime,
        "Count only what is decided from this instant on, in ISO 8601",
        "TIME",
      ),
      to: given(parseTime, "Tell nothing that is newer than this instant, in ISO 8601", "TIME"),
      lateness: given(parseDuration, "The node's setting lateness (default 0s)", "DURATION"),
      staleAfter: given(parseDuration, "The node's setting stale_after (default 30s)", "DURATION"),
      windowSamples: given(parseCount, "The node's setting window_samples (default 1024)", "COUNT"),
      limit: {
        kind: "parsed",
        parse: parseCount,
        default: "20",
        brief: "How many firings, or differences, are printed one by one",
        placeholder: "COUNT",
      },
      failOnChange: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Exit 1 when a firing differs",
      },
      ...nodeFlags,
      ...jsonFlag,
    },
  },
  async func(flags) {
    const {
      openData,
      jsonOfBacktest,
      problemsOfData,
      readRules,
      textOfBacktest,
      warningsOfBacktest,
    } = await import("../backtest/index.ts");
    const { rules, problems } = await readRules(flags.rules);
    const against = await readRules(flags.against ?? []);
    for (const { file, content, problem } of [...problems, ...against.problems])
      this.process.stderr.write(`${formatProblem(problem, file, content)}\n`);
    if ([...problems, ...against.problems].some(({ problem }) => problem.severity === "error")) {
      this.process.exitCode = exitCodes.usage;
      return;
    }
    const opened = flags.data.map(openData);
    const { now, before } =
      flags.against === undefined
        ? await besideNode(this, flags, rules)
        : { now: rules, before: against.rules };
    const { runBacktest } = await import("@myelin/node");
    const backtest = await runBacktest({
      ...{ rules: now, before, data: opened, fromUs: flags.from, toUs: flags.to },
      settings: settingsOf(flags),
      onProgress: progressOf(opened),
    });
    clearProgress();
    if (opened.some(({ problemCount }) => problemCount > 0)) {
      for (const each of opened) this.process.stderr.write(problemsOfData(each));
      this.process.exitCode = exitCodes.usage;
      return;
    }
    const warnings = warningsOfBacktest(backtest, rules, opened);
    if (flags.json) print(this, jsonOfBacktest(backtest, warnings));
    else {
      for (const warning of warnings) this.process.stderr.write(`warning: ${warning}\n`);
      print(this, textOfBacktest(backtest, flags.limit));
    }
    if (flags.failOnChange && backtest.differenceCount > 0)
      this.process.exitCode = exitCodes.failure;
  },
});

/** The rules beside those of the running node; without a node that was not asked for by name, alone. */
async function besideNode(
  context: CliContext,
  flags: BacktestFlags,
  rules: readonly RulePlan[],
): Promise<{ readonly now: readonly RulePlan[]; readonly before: RuleSets["before"] | undefined }> {
  const { rulesInForce } = await import("../backtest/index.ts");
  try {
    return await rulesInForce(clientOf(context, flags), rules);
  } catch (thrown) {
    const { code, message } = MyelinError.from(thrown);
    const isAskedFor = flags.url !== undefined || flags.failOnChange;
    if (code !== "UNAVAILABLE" || isAskedFor) throw thrown;
    context.process.stderr.write(`${message}: there is nothing to compare with (--against FILE)\n`);
    return { now: rules, before: undefined };
  }
}

function settingsOf({ lateness, staleAfter, windowSamples }: BacktestFlags): {
  readonly latenessUs?: number;
  readonly staleAfterUs?: number;
  readonly windowSamples?: number;
} {
  return {
    ...(lateness === undefined ? {} : { latenessUs: lateness }),
    ...(staleAfter === undefined ? {} : { staleAfterUs: staleAfter }),
    ...(windowSamples === undefined ? {} : { windowSamples }),
  };
}

const progressEveryMs = 500;

/** Tells people at a terminal how far it has come. */
function progressOf(data: readonly OpenedData[]): (samples: number) => void {
  if (process.stderr.isTTY !== true) return () => undefined;
  let nextMs = performance.now() + progressEveryMs;
  return (samples) => {
    if (performance.now() < nextMs) return;
    nextMs = performance.now() + progressEveryMs;
    const shares = data.map(({ shareRead }) => shareRead);
    const isKnown = shares.every((share) => share !== undefined);
    const read = shares.reduce<number>((sum, share) => sum + (share ?? 0), 0) / shares.length;
    const share = isKnown ? `, ${Math.floor(read * 100)} %` : "";
    process.stderr.write(`\r${(samples / 1e6).toFixed(1)} million samples${share}\u001b[K`);
  };
}

function clearProgress(): void {
  if (process.stderr.isTTY === true) process.stderr.write("\r\u001b[K");
}

function files(
  brief: string,
  placeholder: string,
): TypedFlagParameter<readonly string[], CliContext> & { readonly variadic: true } {
  return { kind: "parsed", parse: String, variadic: true, brief, placeholder };
}

function given(
  parse: (text: string) => number,
  brief: string,
  placeholder: string,
): TypedFlagParameter<number | undefined, CliContext> {
  return { kind: "parsed", parse, optional: true, brief, placeholder };
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1_000_000) return count;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no count`, {
    hint: "Write a whole number from 1 to 1000000.",
  });
}
