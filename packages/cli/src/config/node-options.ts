import process from "node:process";
import { MyelinError } from "@myelin/core/errors";
import type { NodeOptions } from "@myelin/node";
import { splitAddress } from "./forms.ts";
import type { Configuration } from "./resolve.ts";

/** What of a configuration would keep a node from starting, as far as it can be seen without starting one. */
export async function problemsOf(configuration: Configuration): Promise<MyelinError[]> {
  const { findProblems } = await import("@myelin/node");
  try {
    return await findProblems(nodeOptionsOf(configuration));
  } catch (thrown) {
    return [MyelinError.from(thrown)];
  }
}

/** What a node of this configuration is started with. @throws MyelinError INVALID_ARGUMENT for half of a pair of TLS files */
export function nodeOptionsOf({ node, session, limits }: Configuration): NodeOptions {
  return {
    host: node.host,
    port: node.port,
    dataDirectory: node.data,
    tier: node.tier,
    capabilities: node.capability,
    status: node.status,
    neighbors: node.neighbor,
    allowedOrigins: node.allowOrigin,
    allowedHosts: node.allowHost,
    session,
    limits,
    ...(node.otlp === undefined ? {} : { traces: { url: node.otlp, share: node.otlpSample } }),
    ...(node.unix === undefined ? {} : { unixPath: node.unix }),
    ...(node.token === undefined ? {} : { token: node.token }),
    ...(node.id === undefined ? {} : { id: node.id }),
    ...(node.location === undefined ? {} : { location: node.location }),
    ...accessOptionsOf(node),
    ...(node.lanes === 1 ? {} : { lanes: lanesOf(node) }),
  };
}

/** @throws MyelinError INVALID_ARGUMENT for addresses that are not one for each lane */
function lanesOf({
  lanes,
  lanePort,
  laneUrl,
  logLevel,
}: Configuration["node"]): NonNullable<NodeOptions["lanes"]> {
  if (laneUrl.length > 0 && laneUrl.length !== lanes) {
    throw new MyelinError(
      "INVALID_ARGUMENT",
      `there are ${lanes} lanes and ${laneUrl.length} addresses of lanes`,
      { hint: "Give --lane-url once for each lane, or not at all." },
    );
  }
  const log = { level: logLevel, isReadable: process.stderr.isTTY === true };
  return { count: lanes, firstPort: lanePort, urls: laneUrl, log };
}

/** Where the API listens, and TLS. @throws MyelinError INVALID_ARGUMENT */
function accessOptionsOf(node: Configuration["node"]): Pick<NodeOptions, "adminListen" | "tls"> {
  const adminListen = splitAddress(node.adminListen ?? "");
  const { tlsCert: certFile, tlsKey: keyFile, tlsClientCa: clientCaFile } = node;
  const admin = adminListen === undefined ? {} : { adminListen };
  if (certFile === undefined && keyFile === undefined && clientCaFile === undefined) return admin;
  if (certFile !== undefined && keyFile !== undefined) {
    const clientCa = clientCaFile === undefined ? {} : { clientCaFile };
    return { ...admin, tls: { certFile, keyFile, ...clientCa } };
  }
  throw new MyelinError("INVALID_ARGUMENT", "TLS needs both a certificate and its key", {
    hint: "Give --tls-cert FILE and --tls-key FILE.",
  });
}
