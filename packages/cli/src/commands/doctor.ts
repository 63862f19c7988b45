import { buildCommand, type Command } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import { NodeClient, reachableHost } from "../client/index.ts";
import {
  type ConfigFlags,
  configFlags,
  type Configuration,
  problemsOf,
  readConfiguration,
  splitAddress,
} from "../config/index.ts";
import {
  addressOf,
  type CliContext,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import type { Finding, ListenPlace } from "../doctor/index.ts";
import { exitCodes } from "../exit-codes.ts";
import { version } from "../version.ts";

interface DoctorFlags extends ConfigFlags, Omit<NodeFlags, "token"> {
  readonly json: boolean;
}

const { token: _, ...callFlags } = nodeFlags;
const answerWithinMs = 2000;
const marks = { ok: "ok  ", warn: "warn", fail: "FAIL" } as const;

/** `myelin doctor`: what keeps a node from working well here, and what to do. */
export const doctorCommand: Command<CliContext> = buildCommand<DoctorFlags, [], CliContext>({
  docs: {
    brief: "Say what keeps a node from working well here, and what mends it",
    fullDescription:
      "Looks at configuration, versions, clock, disk, data directory, ports, limits, cgroups and speed, for a node with this configuration, whether it runs or not. Exits 1 when something fails.",
  },
  parameters: { flags: { ...configFlags, ...callFlags, ...jsonFlag } },
  async func({ url, ca, cert, key, json, ...flags }) {
    const found = await configuration(this, flags);
    const findings =
      found instanceof MyelinError
        ? [fault(found)]
        : await findingsOf(this, found, definedOf({ url, ca, cert, key }));
    if (json) print(this, { findings });
    else
      for (const { check, status, message, mend } of findings) {
        print(this, `${marks[status]}  ${check.padEnd(20)}${message}\n`);
        if (mend !== undefined) print(this, `${" ".repeat(26)}${mend}\n`);
      }
    if (findings.some(({ status }) => status === "fail")) this.process.exitCode = exitCodes.failure;
  },
});

function fault({ message, hint }: MyelinError): Finding {
  return { check: "configuration", status: "fail", message, mend: hint };
}

async function findingsOf(
  context: CliContext,
  found: Configuration,
  flags: NodeFlags,
): Promise<Finding[]> {
  const { examine } = await import("../doctor/index.ts");
  const { node, session, file } = found;
  const problems = await problemsOf(found);
  const url = flags.url ?? (context.env["MYELIN_URL"] || urlOf(found));
  const token = node.token === undefined ? {} : { token: node.token };
  return [
    ...(problems.length === 0
      ? [{ check: "configuration", status: "ok" as const, message: file ?? "no file" }]
      : problems.map(fault)),
    ...(await examine({
      version,
      client: new NodeClient({
        ...addressOf(context, { ...flags, url, ...token }),
        answerWithinMs,
      }),
      places: placesOf(found),
      data: node.data,
      maxConnections: session["maxConnections"] ?? 0,
    })),
  ];
}

async function configuration(
  { env }: CliContext,
  flags: ConfigFlags,
): Promise<Configuration | MyelinError> {
  const { defaultLimits, defaultSessionSettings } = await import("@myelin/node");
  try {
    return await readConfiguration({
      flags,
      environment: env,
      bounds: { session: { ...defaultSessionSettings }, limits: { ...defaultLimits } },
    });
  } catch (thrown) {
    const error = MyelinError.from(thrown);
    if (error.code === "INVALID_ARGUMENT") return error;
    throw thrown;
  }
}

function placesOf({ node: { host, port, adminListen } }: Configuration): ListenPlace[] {
  const main = { check: "port", host, port, flags: { host: "--host", port: "--port" } };
  const admin = splitAddress(adminListen ?? "");
  if (admin === undefined) return [main];
  const flags = { host: "--admin-listen", port: "--admin-listen" };
  return [main, { check: "admin port", ...admin, flags }];
}

/** Where the API of a node with this configuration answers. */
function urlOf({ node: { host, port, adminListen, tlsCert } }: Configuration): string {
  const place = splitAddress(adminListen ?? "") ?? { host, port };
  const scheme = tlsCert === undefined ? "http" : "https";
  return `${scheme}://${reachableHost(place.host)}:${place.port}`;
}

/** The flags that were given. */
function definedOf(flags: { readonly [Name in keyof NodeFlags]: string | undefined }): NodeFlags {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}
