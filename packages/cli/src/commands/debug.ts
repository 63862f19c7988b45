import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { buildCommand, buildRouteMap, type Command, type RouteMap } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import { type ConfigFlags, configFlags } from "../config/index.ts";
import { type CliContext, jsonFlag, type NodeFlags, nodeFlags, print } from "../context.ts";

interface BundleFlags extends ConfigFlags, Omit<NodeFlags, "token"> {
  readonly out?: string;
  readonly profile?: number;
  readonly json: boolean;
}

const { token: _, ...callFlags } = nodeFlags;
const maxProfileSeconds = 60;

const bundle: Command<CliContext> = buildCommand<BundleFlags, [], CliContext>({
  docs: {
    brief: "Gather what helps to find a fault into one file, without secrets",
    fullDescription:
      "Asks the running node, with an operator's token, for what it is, its process, its log, metrics, rules and load, and adds the doctor's findings, the configuration and crash files of this machine. Of a node that does not run it takes the latter.",
  },
  parameters: {
    flags: {
      ...configFlags,
      ...callFlags,
      out: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Where the bundle goes (default: myelin-debug-TIME.tar.gz here)",
        placeholder: "FILE",
      },
      profile: {
        kind: "parsed",
        parse: parseSeconds,
        optional: true,
        brief: "Add a profile of what the node is busy with for so long, 1 to 60 seconds",
        placeholder: "SECONDS",
      },
      ...jsonFlag,
    },
  },
  async func({ url, ca, cert, key, out, profile, json, ...flags }) {
    const nowMs = Date.now();
    const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, "-");
    const file = resolve(out ?? `myelin-debug-${stamp}.tar.gz`);
    if (existsSync(file))
      throw new MyelinError("ALREADY_EXISTS", `${file} exists`, { hint: "Name another file." });
    const { consult } = await import("../doctor/index.ts");
    const { gatherBundle } = await import("../debug/index.ts");
    const { tarGz } = await import("@myelin/node");
    const consultation = await consult(this, flags, { url, ca, cert, key });
    const { files, missing } = await gatherBundle(consultation, profile, nowMs);
    const folder = `myelin-debug-${stamp}`;
    const inFolder = new Map([...files].map(([name, text]) => [`${folder}/${name}`, text]));
    write(file, tarGz(inFolder, nowMs));
    if (json) {
      print(this, { file, files: [...files.keys()], missing });
      return;
    }
    print(this, `${file} has ${files.size} files\n`);
    for (const { file: name, why } of missing) print(this, `  without ${name}: ${why}\n`);
  },
});

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= maxProfileSeconds) return seconds;
  throw new MyelinError("INVALID_ARGUMENT", "expects whole seconds, 1 to 60");
}

/** Writes a file that is its owner's only. */
function write(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes, { flag: "wx", mode: 0o600 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MyelinError("STORAGE_UNAVAILABLE", `${path}: ${reason}`, { cause });
  }
}

/** `myelin debug …` */
export const debugRoutes: RouteMap<CliContext> = buildRouteMap({
  docs: { brief: "Find out what is wrong with a node" },
  routes: { bundle },
});
