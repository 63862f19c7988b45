import process from "node:process";
import { MyelinError } from "@myelin/core/errors";
import type { NodeOptions } from "@myelin/node";
import { splitAddress } from "./forms.ts";
import type { Configuration } from "./resolve.ts";

/** The last port there is. */
export const maxPort = 65_535;

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
    isRecorded: node.record === "on",
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

/** Ports of a node's lanes, in order; none where it has one lane, or they are free ones. */
export function lanePortsOf({ lanes, lanePort }: Configuration["node"]): number[] {
  return lanes === 1 || lanePort === 0
    ? []
    : Array.from({ length: lanes }, (_, lane) => lanePort + lane);
}

/** @throws MyelinError INVALID_ARGUMENT for addresses that are not one for each lane, and ports that cannot be had */
function lanesOf(node: Configuration["node"]): NonNullable<NodeOptions["lanes"]> {
  const { lanes, lanePort, laneUrl, logLevel } = node;
  if (laneUrl.length > 0 && laneUrl.length !== lanes) {
    throw new MyelinError(
      "INVALID_ARGUMENT",
      `there are ${lanes} lanes and ${laneUrl.length} addresses of lanes`,
      { hint: "Give --lane-url once for each lane, or not at all." },
    );
  }
  const ports = lanePortsOf(node);
  const others = [node.port, splitAddress(node.adminListen ?? "")?.port];
  const taken = ports.find((port) => port > maxPort || others.includes(port));
  if (taken !== undefined) {
    const why = taken > maxPort ? "is none" : "is the node's own";
    throw new MyelinError(
      "INVALID_ARGUMENT",
      `${lanes} lanes from port ${lanePort} on would take port ${taken}, which ${why}`,
      { hint: "Name another with --lane-port, or leave it out for free ones." },
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
