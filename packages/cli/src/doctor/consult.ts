import { MyelinError } from "@myelin/core/errors";
import { type NodeAddress, NodeClient, reachableHost } from "../client/index.ts";
import {
  type ConfigFlags,
  type Configuration,
  lanePortsOf,
  maxPort,
  problemsOf,
  readConfiguration,
  splitAddress,
} from "../config/index.ts";
import { addressOf, type CliContext, type NodeFlags } from "../context.ts";
import { version } from "../version.ts";
import { examine } from "./examine.ts";
import type { Finding } from "./finding.ts";
import type { ListenPlace } from "./port.ts";

const answerWithinMs = 2000;

/** Flags of a call, given or not. */
type CallFlags = { readonly [Name in keyof NodeFlags]?: string | undefined };

/** What was found, and what of. */
export interface Consultation {
  readonly findings: readonly Finding[];
  /** Undefined where it cannot be read. */
  readonly configuration: Configuration | undefined;
  /** Where the node of this configuration answers. */
  readonly address: NodeAddress;
}

/** Examines the node of a configuration, whether it runs or not. */
export async function consult(
  context: CliContext,
  flags: ConfigFlags,
  call: CallFlags,
): Promise<Consultation> {
  const found = await configuration(context, flags);
  const given = definedOf(call);
  if (found instanceof MyelinError)
    return {
      findings: [fault(found)],
      configuration: undefined,
      address: addressOf(context, { ...given, ...(flags.token && { token: flags.token }) }),
    };
  const { node } = found;
  const url = given.url ?? (context.env["MYELIN_URL"] || urlOf(found));
  const token = node.token === undefined ? {} : { token: node.token };
  const address = addressOf(context, { ...given, url, ...token });
  return { configuration: found, address, findings: await findingsOf(found, address) };
}

function fault({ message, hint }: MyelinError): Finding {
  return { check: "configuration", status: "fail", message, mend: hint };
}

async function findingsOf(found: Configuration, address: NodeAddress): Promise<Finding[]> {
  const { node, session, file } = found;
  const problems = await problemsOf(found);
  return [
    ...(problems.length === 0
      ? [{ check: "configuration", status: "ok" as const, message: file ?? "no file" }]
      : problems.map(fault)),
    ...(await examine({
      version,
      client: new NodeClient({ ...address, answerWithinMs }),
      places: placesOf(found),
      data: node.data,
      maxConnections: session["maxConnections"] ?? 0,
      lanes: node.lanes,
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

function placesOf({ node }: Configuration): ListenPlace[] {
  const { host, port } = node;
  const places = [{ check: "port", host, port, flags: { host: "--host", port: "--port" } }];
  const admin = splitAddress(node.adminListen ?? "");
  const flags = { host: "--admin-listen", port: "--admin-listen" };
  if (admin !== undefined) places.push({ check: "admin port", ...admin, flags });
  for (const [lane, its] of lanePortsOf(node).entries()) {
    if (its > maxPort) break;
    const ofLanes = { host: "--host", port: "--lane-port" };
    places.push({ check: `lane ${lane} port`, host, port: its, flags: ofLanes });
  }
  return places;
}

/** Where the API of a node with this configuration answers. */
function urlOf({ node: { host, port, adminListen, tlsCert } }: Configuration): string {
  const place = splitAddress(adminListen ?? "") ?? { host, port };
  const scheme = tlsCert === undefined ? "http" : "https";
  return `${scheme}://${reachableHost(place.host)}:${place.port}`;
}

/** The flags that were given. */
function definedOf(flags: CallFlags): NodeFlags {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}
