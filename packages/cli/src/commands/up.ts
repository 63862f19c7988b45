import process from "node:process";
import { buildCommand, type Command } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import type { NodeOptions } from "@myelin/node";
import {
  type ConfigFlags,
  configFlags,
  type Configuration,
  readConfiguration,
  splitAddress,
} from "../config/index.ts";
import { type CliContext, untilStopped } from "../context.ts";

/** `myelin up`: a node in the foreground, until SIGINT or SIGTERM. */
export const upCommand: Command<CliContext> = buildCommand<ConfigFlags, [], CliContext>({
  docs: {
    brief: "Start a node",
    fullDescription:
      "Starts a node in the foreground, until SIGINT or SIGTERM. What it is told comes from the file myelin.yaml, from MYELIN_ variables, and from flags, each over those before; `myelin config` shows what is in force.",
  },
  parameters: { flags: configFlags },
  async func(flags) {
    const { createLog, defaultArcSettings, defaultSessionSettings, startNode } = await import(
      "@myelin/node"
    );
    const configuration = await readConfiguration({
      flags,
      environment: this.env,
      bounds: { session: { ...defaultSessionSettings }, limits: { ...defaultArcSettings } },
    });
    const log = await createLog({
      level: configuration.node.logLevel,
      isReadable: process.stderr.isTTY === true,
    });
    log.info({ file: configuration.file ?? null }, "configuration read");
    const node = await startNode({ ...nodeOptionsOf(configuration), log });
    this.process.stdout.write(
      `${JSON.stringify({ url: node.url, http: node.httpUrl, ...(node.unixUrl === undefined ? {} : { unix: node.unixUrl }) })}\n`,
    );
    const reload = (): void => void node.reloadTls();
    if (configuration.node.tlsCert !== undefined) process.on("SIGHUP", reload);
    await untilStopped(this);
    await node.close();
    process.off("SIGHUP", reload);
  },
});

function nodeOptionsOf({ node, session, limits }: Configuration): NodeOptions {
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
    ...(node.unix === undefined ? {} : { unixPath: node.unix }),
    ...(node.token === undefined ? {} : { token: node.token }),
    ...(node.id === undefined ? {} : { id: node.id }),
    ...(node.location === undefined ? {} : { location: node.location }),
    ...accessOptionsOf(node),
  };
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
