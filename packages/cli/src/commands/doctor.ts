import { buildCommand, type Command } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import {
  type ConfigFlags,
  configFlags,
  type Configuration,
  readConfiguration,
} from "../config/index.ts";
import { type CliContext, clientOf, jsonFlag, nodeFlags, print } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { version } from "../version.ts";

interface DoctorFlags extends ConfigFlags {
  readonly url?: string;
  readonly json: boolean;
}

const marks = { ok: "ok  ", warn: "warn", fail: "FAIL" } as const;

/** `myelin doctor`: what keeps a node from working well here, and what to do. */
export const doctorCommand: Command<CliContext> = buildCommand<DoctorFlags, [], CliContext>({
  docs: {
    brief: "Say what keeps a node from working well here, and what mends it",
    fullDescription:
      "Looks at versions, clock, disk, data directory, port, limits, cgroups and speed, for a node with this configuration, whether it runs or not. Exits 1 when something fails.",
  },
  parameters: { flags: { ...configFlags, url: nodeFlags.url, ...jsonFlag } },
  async func({ url, json, ...flags }) {
    const { examine } = await import("../doctor/index.ts");
    const found = await configuration(this, flags);
    const findings =
      found instanceof MyelinError
        ? [
            {
              check: "configuration",
              status: "fail" as const,
              message: found.message,
              mend: found.hint,
            },
          ]
        : [
            {
              check: "configuration",
              status: "ok" as const,
              message: found.file ?? "no file",
            },
            ...(await examine({
              version,
              client: clientOf(this, {
                url: url ?? (this.env["MYELIN_URL"] || urlOf(found)),
                ...(found.node.token === undefined ? {} : { token: found.node.token }),
              }),
              host: found.node.host,
              port: found.node.port,
              data: found.node.data,
              maxConnections: found.session["maxConnections"] ?? 0,
            })),
          ];
    if (json) print(this, { findings });
    else
      for (const { check, status, message, mend } of findings) {
        print(this, `${marks[status]}  ${check.padEnd(20)}${message}\n`);
        if (mend !== undefined) print(this, `${" ".repeat(26)}${mend}\n`);
      }
    if (findings.some(({ status }) => status === "fail")) this.process.exitCode = exitCodes.failure;
  },
});

async function configuration(
  { env }: CliContext,
  flags: ConfigFlags,
): Promise<Configuration | MyelinError> {
  const { defaultArcSettings, defaultSessionSettings } = await import("@myelin/node");
  try {
    return await readConfiguration({
      flags,
      environment: env,
      bounds: { session: { ...defaultSessionSettings }, limits: { ...defaultArcSettings } },
    });
  } catch (thrown) {
    const error = MyelinError.from(thrown);
    if (error.code === "INVALID_ARGUMENT") return error;
    throw thrown;
  }
}

/** Where a node with this configuration answers. */
function urlOf({ node: { host, port } }: Configuration): string {
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${name.includes(":") && !name.startsWith("[") ? `[${name}]` : name}:${port}`;
}
