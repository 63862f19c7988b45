import { buildCommand, buildRouteMap, type Command, type RouteMap } from "@stricli/core";
import type { JsonObject } from "@myelin/core/json";
import { NodeClient } from "../client/index.ts";
import {
  addressOf,
  type CliContext,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import { cell } from "../output/index.ts";

interface EnforceFlags extends NodeFlags {
  readonly json: boolean;
}

interface SwitchFlags extends EnforceFlags {
  readonly reason?: string;
}

const path = "/api/v1/enforcement";
const flags = { ...nodeFlags, ...jsonFlag } as const;

/** How it stands, in a sentence. */
function sentence({ isOn, changedAt, actor, reason }: JsonObject): string {
  const since = typeof changedAt === "string" ? ` since ${changedAt}, by ${cell(actor)}` : "";
  const why = typeof reason === "string" ? `: ${reason}` : "";
  return isOn === true
    ? `enforcement is on${since}${why}\n`
    : `enforcement is OFF${since}${why}\nrules decide and are accounted, and nothing they decide is sent; \`myelin enforce on\` ends it\n`;
}

const show: Command<CliContext> = buildCommand<EnforceFlags, [], CliContext>({
  docs: { brief: "Show whether the node's rules are enforced" },
  parameters: { flags },
  async func(given) {
    const answer = await new NodeClient(addressOf(this, given)).get(path);
    print(this, given.json ? answer : sentence(answer));
  },
});

function switchTo(isOn: boolean, brief: string): Command<CliContext> {
  return buildCommand<SwitchFlags, [], CliContext>({
    docs: { brief },
    parameters: {
      flags: {
        ...flags,
        reason: {
          kind: "parsed",
          parse: String,
          optional: true,
          brief: "Why, for those who see it later",
          placeholder: "TEXT",
        },
      },
    },
    async func({ reason, ...given }) {
      const body = { isOn, ...(reason === undefined ? {} : { reason }) };
      const answer = await new NodeClient(addressOf(this, given)).put(path, body);
      print(this, given.json ? answer : sentence(answer));
    },
  });
}

/** `myelin enforce`, `myelin enforce off`, `myelin enforce on` */
export const enforceRoutes: RouteMap<CliContext> = buildRouteMap({
  docs: { brief: "Switch all rules of the node off (they decide, nothing is sent) and on again" },
  routes: {
    show,
    off: switchTo(false, "Have all rules decide without sending anything, until switched on again"),
    on: switchTo(true, "Enforce the rules again, each by its own mode"),
  },
  defaultCommand: "show",
});
