import { basename, relative, resolve } from "node:path";
import process from "node:process";
import { buildCommand, buildRouteMap, type Command, type RouteMap } from "@stricli/core";
import { type CliContext, jsonFlag, print } from "../context.ts";
import { agentInTypeScript, idOfFolder, writeNewFiles } from "../init/index.ts";

interface AgentFlags {
  readonly lang: "ts";
  readonly json: boolean;
}

const agent: Command<CliContext> = buildCommand<AgentFlags, [string?], CliContext>({
  docs: {
    brief: "Write a small agent that runs",
    fullDescription:
      "Writes package.json, agent.ts and README.md into DIR (this folder unless named): an agent that reports a metric and performs an action. It is named after the folder. Nothing is overwritten.",
  },
  parameters: {
    flags: {
      lang: { kind: "enum", values: ["ts"], default: "ts", brief: "Language of the agent" },
      ...jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, brief: "Where it goes", placeholder: "DIR", optional: true }],
    },
  },
  async func({ json }, directory = ".") {
    const folder = resolve(directory);
    const id = idOfFolder(basename(folder));
    const files = agentInTypeScript(id);
    await writeNewFiles(folder, files);
    if (json) {
      print(this, { id, folder, files: [...files.keys()] });
      return;
    }
    const way = relative(process.cwd(), folder);
    print(this, `agent ${id} is in ${folder}; start it with\n\n`);
    if (way !== "") print(this, `  cd ${wordOf(way)}\n`);
    print(this, "  npm install\n  npm start\n");
  },
});

/** A path as a shell reads it as one word. */
function wordOf(path: string): string {
  return /^[\w./@%+,:-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** `myelin init …` */
export const initRoutes: RouteMap<CliContext> = buildRouteMap({
  docs: { brief: "Begin something new" },
  routes: { agent },
});
