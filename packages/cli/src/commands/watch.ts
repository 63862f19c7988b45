import { setTimeout as sleep } from "node:timers/promises";
import { buildCommand, type Command } from "@stricli/core";
import { type CliContext, clientOf, jsonFlag, type NodeFlags, nodeFlags } from "../context.ts";
import { eventLine, follow, type WatchEvent } from "../watch/index.ts";

interface WatchFlags extends NodeFlags {
  readonly json: boolean;
  readonly kinds?: string;
  readonly agent?: string;
  readonly rule?: string;
  readonly where?: string;
  readonly cursor?: string;
}

/** `myelin watch`: what happens at a node, as it happens. */
export const watchCommand: Command<CliContext> = buildCommand<WatchFlags, [], CliContext>({
  docs: { brief: "Watch what happens to agents, at agents, to episodes and to instructions" },
  parameters: {
    flags: {
      ...nodeFlags,
      ...jsonFlag,
      kinds: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Only these, with commas between: agents,events,episodes,instructions",
      },
      agent: { kind: "parsed", parse: String, optional: true, brief: "Only of this agent" },
      rule: { kind: "parsed", parse: String, optional: true, brief: "Only of this rule" },
      where: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: 'Only of agents that match, in CEL, such as agent.type == "worker"',
      },
      cursor: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Go on behind this event; without it, with what happens next",
      },
    },
  },
  async func({ kinds, agent, rule, where, cursor, ...flags }) {
    const client = clientOf(this, flags);
    const events = follow({
      client,
      query: { kinds, agent, rule, where },
      cursor,
      signal: this.signal,
      onBroken: (error) =>
        this.process.stderr.write(`${error.code}: ${error.message}; trying again\n`),
      pause: async (durationMs, signal) =>
        await sleep(durationMs, undefined, { signal }).catch(() => undefined),
      random: Math.random,
    });
    for await (const event of events) {
      if (event.name === "begin" && !flags.json)
        this.process.stderr.write(`watching ${client.address}\n`);
      const line = flags.json ? jsonLine(event) : eventLine(event);
      if (line !== undefined) this.process.stdout.write(`${line}\n`);
    }
  },
});

function jsonLine({ name, data }: WatchEvent): string {
  return JSON.stringify({ event: name, ...data });
}
