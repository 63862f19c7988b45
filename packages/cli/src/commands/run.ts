import { buildCommand, type Command } from "@stricli/core";
import { type Agent, createAgent } from "@myelin/agent";
import { parseDuration } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { addressOf, type CliContext, type NodeFlags, nodeFlags } from "../context.ts";
import { parsePair } from "../parameters.ts";
import { errorText } from "../output/index.ts";
import {
  assertSamplingSupported,
  exitStatusOf,
  handleActions,
  type RestartPolicy,
  Supervisor,
  type SupervisorLink,
} from "../supervisor/index.ts";

interface RunFlags extends NodeFlags {
  readonly id: string;
  readonly type: string;
  readonly label?: readonly string[];
  readonly part: string;
  readonly restart: RestartPolicy;
  readonly maxRestarts?: number;
  readonly grace: number;
  readonly sampleRate: number;
}

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
      id: { kind: "parsed", parse: String, brief: "Id of the agent", placeholder: "ID" },
      type: {
        kind: "parsed",
        parse: String,
        default: "process",
        brief: "Type of the agent",
        placeholder: "TYPE",
      },
      label: {
        kind: "parsed",
        parse: String,
        optional: true,
        variadic: true,
        brief: "Label of the agent",
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
      parameter: { parse: String, brief: "Command and its arguments, after --", placeholder: "COMMAND" },
    },
  },
  async func(flags, ...command) {
    const [program, ...args] = command;
    if (program === undefined) throw new MyelinError("INVALID_ARGUMENT", "there is no command to run");
    warnWhereUnsampled(this);
    const agent = createSupervisorAgent(this, flags);
    const supervisor = new Supervisor({
      command: [program, ...args],
      link: linkOf(agent),
      environment: childEnvironment(this, flags),
      part: flags.part,
      sampleRateHz: flags.sampleRate,
      graceMs: flags.grace,
      restart: {
        policy: flags.restart,
        ...(flags.maxRestarts === undefined ? {} : { maxRestarts: flags.maxRestarts }),
      },
    });
    handleActions(supervisor, linkOf(agent));
    let refusal: MyelinError | undefined;
    agent.onStatus((status) => {
      if (status.state !== "closed" || status.cause === undefined) return;
      refusal = status.cause;
      supervisor.shutdown();
    });
    this.signal.addEventListener("abort", () => supervisor.shutdown());
    supervisor.start();
    const outcome = await supervisor.ended;
    await agent.close();
    const error = refusal ?? outcome.error;
    if (error !== undefined && outcome.error === undefined) throw error;
    if (error !== undefined) this.process.stderr.write(`${errorText(error)}\n`);
    this.process.exitCode = exitStatusOf(outcome);
  },
});
