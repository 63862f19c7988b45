import process from "node:process";
import { buildCommand, type Command } from "@stricli/core";
import { NodeClient } from "../client/index.ts";
import {
  addressOf,
  type CliContext,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import { render, showLive, type Sort, sorts } from "../top/index.ts";

interface TopFlags extends NodeFlags {
  readonly json: boolean;
  readonly once: boolean;
  readonly sort: Sort;
}

/** Columns of a frame that no terminal shows. */
const plainColumns = 160;

/** `myelin top`: a node at a glance, once a second. */
export const topCommand: Command<CliContext> = buildCommand<TopFlags, [], CliContext>({
  docs: { brief: "Show a node live: agents, load, rules that fire, latest instructions" },
  parameters: {
    flags: {
      ...nodeFlags,
      ...jsonFlag,
      once: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print one frame and end; so does an output that is no terminal",
      },
      sort: {
        kind: "enum",
        values: sorts,
        default: "state",
        brief: "Order of the agents: worst state, cpu, age of the heartbeat, or id",
      },
    },
  },
  async func({ json, once, sort, ...flags }) {
    const client = new NodeClient(addressOf(this, flags));
    const ask = (query: Readonly<Record<string, string>>) => client.get("/api/v1/top", query);
    const { stdin, stdout } = process;
    const { address } = client;
    const hasColor = stdout.isTTY === true && !this.env["NO_COLOR"] && this.env["TERM"] !== "dumb";
    if (json || once || stdout.isTTY !== true) {
      const document = await ask({ sort });
      if (json) {
        print(this, document);
        return;
      }
      const state = { address, sort, document, problem: undefined, scrolled: 0 };
      const columns = stdout.isTTY === true ? stdout.columns : plainColumns;
      const view = { columns, rows: undefined, hasColor, hasKeys: false };
      print(this, `${render(state, view).join("\n")}\n`);
      return;
    }
    const { signal } = this;
    const input = stdin.isTTY === true ? stdin : undefined;
    await showLive({ address, ask, sort, signal, hasColor, input, output: stdout });
  },
});
