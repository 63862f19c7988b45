import { type Agent, createAgent } from "@myelin/agent";
import { MyelinError } from "@myelin/core/errors";
import type { CliContext } from "../context.ts";
import { errorText } from "../output/index.ts";
import {
  assertSamplingSupported,
  exitStatusOf,
  handleActions,
  Supervisor,
  type SupervisorLink,
} from "../supervisor/index.ts";
import { childEnvironment, commandPartOf, identityOf, supervisorPart } from "./identity.ts";
import type { RunFlags } from "./run-flags.ts";

/**
 * Supervises a command as a part of an agent until it has ended for good; gives the exit status.
 * @throws MyelinError INVALID_ARGUMENT, and what the node refuses the agent with
 */
export async function runCommandAsAgent(
  context: CliContext,
  flags: RunFlags,
  [program, ...args]: readonly string[],
  platform: NodeJS.Platform = process.platform,
): Promise<number> {
  if (program === undefined)
    throw new MyelinError("INVALID_ARGUMENT", "there is no command to run");
  const identity = identityOf(context, flags);
  const part = commandPartOf(flags);
  warnWhereUnsampled(context, platform);
  const agent = createAgent({ ...identity, part: supervisorPart });
  const link = linkOf(agent);
  const supervisor = new Supervisor({
    command: [program, ...args],
    link,
    environment: childEnvironment(context.env, identity, part),
    part,
    platform,
    sampleRateHz: flags.sampleRate,
    graceMs: flags.grace,
    restart: {
      policy: flags.restart,
      ...(flags.maxRestarts === undefined ? {} : { maxRestarts: flags.maxRestarts }),
    },
  });
  handleActions(supervisor, link);
  return await supervise(context, agent, supervisor);
}

/** Runs to the end; gives the exit status. A node that refuses the agent for good ends it too. */
async function supervise(
  context: CliContext,
  agent: Agent,
  supervisor: Supervisor,
): Promise<number> {
  let refusal: MyelinError | undefined;
  agent.onStatus((status) => {
    if (status.state !== "closed" || status.cause === undefined) return;
    refusal = status.cause;
    supervisor.shutdown();
  });
  context.signal.addEventListener("abort", () => supervisor.shutdown(), { once: true });
  supervisor.start();
  void agent.connect().catch(() => undefined);
  const outcome = await supervisor.ended;
  await agent.close();
  if (refusal !== undefined) throw refusal;
  if (outcome.error !== undefined) context.process.stderr.write(`${errorText(outcome.error)}\n`);
  return exitStatusOf(outcome);
}

function linkOf(agent: Agent): SupervisorLink {
  return {
    report: (samples) => agent.report(samples),
    event: (type, attributes) => agent.event(type, attributes),
    patchState: (patch) => agent.state.patch(patch),
    vouch: (part, state) => agent.vouch(part, state),
    on: (action, handler, options) => void agent.on(action, handler, options),
  };
}

function warnWhereUnsampled(context: CliContext, platform: NodeJS.Platform): void {
  try {
    assertSamplingSupported(platform);
  } catch (error) {
    context.process.stderr.write(`${errorText(error)}\n`);
  }
}
