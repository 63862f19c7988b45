import { buildCommand, type Command } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import { type CliContext, jsonFlag } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { parsePort } from "../parameters.ts";

interface DemoFlags {
  readonly json: boolean;
  readonly seconds?: number;
  readonly port?: number;
}

/** `myelin demo`: a node and a small fleet of real processes, four of which go wrong. */
export const demoCommand: Command<CliContext> = buildCommand<DemoFlags, [], CliContext>({
  docs: {
    brief: "Watch a small fleet of real processes go wrong and be dealt with",
    fullDescription:
      "Starts a node and four supervised processes that hash files, and an agent with a scripted language model. One begins to spin, one leaks memory, one blocks its event loop, the agent calls one tool over and over; rules throttle, restart, kill and interrupt them. Ends on Ctrl-C, or after --seconds. Exits 0 when all four were caught.",
  },
  parameters: {
    flags: {
      ...jsonFlag,
      seconds: {
        kind: "parsed",
        parse: parseSeconds,
        optional: true,
        brief: "End after this many seconds",
      },
      port: {
        kind: "parsed",
        parse: parsePort,
        optional: true,
        brief: "Port of the node (default 7400, or a free one)",
      },
    },
  },
  async func(flags) {
    const { jsonTimeline, readableTimeline, runDemo } = await import("../demo/index.ts");
    const write = (text: string): void => this.process.stdout.write(text);
    const clockMs = (): number => performance.now();
    const summary = await runDemo({
      seconds: flags.seconds,
      port: flags.port,
      signal: this.signal,
      clockMs,
      timeline: flags.json ? jsonTimeline(write) : readableTimeline(write, clockMs),
    });
    const wasStopped = flags.seconds === undefined || this.signal.aborted;
    if (!summary.isComplete && !wasStopped) this.process.exitCode = exitCodes.failure;
  },
});

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds > 0 && seconds <= 86_400) return seconds;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no number of seconds`);
}
