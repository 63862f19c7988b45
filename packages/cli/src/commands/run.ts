import { buildCommand, type Command } from "@stricli/core";
import { parseDuration } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { type CliContext, nodeFlags } from "../context.ts";
import { parsePair } from "../parameters.ts";
import type { RunFlags } from "../run/index.ts";

/** `myelin run -- COMMAND…`: supervises a process as a part of an agent. */
export const runCommand: Command<CliContext> = buildCommand<RunFlags, string[], CliContext>({
  docs: {
    brief: "Run a command as an agent: measured, steered, restarted when it crashes",
    fullDescription:
      "Starts COMMAND, reports what it uses, and takes the actions pause, resume, throttle, unthrottle, stop, kill, restart and signal. " +
      "The command's output and exit status are those of this one; MYELIN_URL, MYELIN_AGENT_ID and the like in its environment let its own SDK join the same agent. " +
      "SIGINT and SIGTERM end the command, then this.",
  },
  parameters: {
    flags: {
      ...nodeFlags,
      id: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Id of the agent (MYELIN_AGENT_ID)",
        placeholder: "ID",
      },
      type: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Type of the agent (MYELIN_AGENT_TYPE; default process)",
        placeholder: "TYPE",
      },
      label: {
        kind: "parsed",
        parse: parseLabel,
        optional: true,
        variadic: true,
        brief: "Label of the agent; may be repeated",
        placeholder: "NAME=VALUE",
      },
      part: {
        kind: "parsed",
        parse: String,
        default: "app",
        brief: "Part of the agent that the command joins as",
        placeholder: "PART",
      },
      restart: {
        kind: "enum",
        values: ["always", "on-failure", "never"],
        default: "on-failure",
        brief: "When the command is started again after it ended by itself",
      },
      maxRestarts: {
        kind: "parsed",
        parse: parseCount,
        optional: true,
        brief: "Give up after so many restarts without 10 s of health between (default: never)",
        placeholder: "N",
      },
      grace: {
        kind: "parsed",
        parse: parseMilliseconds,
        default: "5s",
        brief: "Time between asking the command to end and killing it",
        placeholder: "DURATION",
      },
      sampleRate: {
        kind: "parsed",
        parse: parseSampleRate,
        default: "20",
        brief: "Samples a second of CPU and memory, 0.1 to 200",
        placeholder: "HZ",
      },
    },
    positional: {
      kind: "array",
      minimum: 1,
      parameter: {
        parse: String,
        brief: "Command and its arguments, after --",
        placeholder: "COMMAND",
      },
    },
  },
  async func(flags, ...command) {
    const { runCommandAsAgent } = await import("../run/index.ts");
    this.process.exitCode = await runCommandAsAgent(this, flags, command);
  },
});

/** Labels travel to the command in one variable, parted by commas. */
function parseLabel(text: string): readonly [string, string] {
  if (!text.includes(",")) return parsePair(text);
  throw new MyelinError("INVALID_ARGUMENT", `the label ${JSON.stringify(text)} has a comma`);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no number of restarts`);
}

function parseMilliseconds(text: string): number {
  return parseDuration(text) / 1000;
}

function parseSampleRate(text: string): number {
  const rateHz = Number(text);
  if (rateHz >= 0.1 && rateHz <= 200) return rateHz;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no rate from 0.1 to 200`);
}
