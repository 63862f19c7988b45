import { buildCommand, type Command } from "@stricli/core";
import { type CliContext, untilStopped } from "../context.ts";
import { parsePort } from "../parameters.ts";

interface UpFlags {
  readonly host: string;
  readonly port: number;
  readonly unix?: string;
  readonly data?: string;
  readonly token?: string;
  readonly id?: string;
  readonly tier: "device" | "edge" | "cloud";
  readonly allowOrigin?: readonly string[];
  readonly allowHost?: readonly string[];
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error";
}

/** `myelin up`: a node in the foreground, until SIGINT or SIGTERM. */
export const upCommand: Command<CliContext> = buildCommand<UpFlags, [], CliContext>({
  docs: { brief: "Start a node" },
  parameters: {
    flags: {
      host: {
        kind: "parsed",
        parse: String,
        default: "127.0.0.1",
        brief: "Address to listen on; beyond loopback a token is required",
      },
      port: {
        kind: "parsed",
        parse: parsePort,
        default: "7400",
        brief: "Port to listen on; 0 for a free one",
      },
      unix: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Unix socket to listen on besides (@name: abstract)",
      },
      data: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Data directory (MYELIN_DATA; default ~/.myelin)",
      },
      token: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Secret that agents and callers must show (better: MYELIN_TOKEN)",
      },
      id: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Id of the node (default: the host's name)",
      },
      tier: {
        kind: "enum",
        values: ["device", "edge", "cloud"],
        default: "edge",
        brief: "Tier of the node",
      },
      allowOrigin: {
        kind: "parsed",
        parse: String,
        optional: true,
        variadic: true,
        brief: "Origin whose browser pages may call, such as https://console.example",
      },
      allowHost: {
        kind: "parsed",
        parse: String,
        optional: true,
        variadic: true,
        brief: "Name under which the node may be called",
      },
      logLevel: {
        kind: "enum",
        values: ["trace", "debug", "info", "warn", "error"],
        default: "info",
        brief: "How much to log",
      },
    },
  },
  async func(flags) {
    const { createLog, startNode } = await import("@myelin/node");
    const log = await createLog({
      level: flags.logLevel,
      isReadable: process.stderr.isTTY === true,
    });
    const dataDirectory = flags.data ?? this.env["MYELIN_DATA"];
    const token = flags.token ?? this.env["MYELIN_TOKEN"];
    const node = await startNode({
      host: flags.host,
      port: flags.port,
      tier: flags.tier,
      log,
      ...(flags.unix === undefined ? {} : { unixPath: flags.unix }),
      ...(dataDirectory === undefined ? {} : { dataDirectory }),
      ...(token === undefined || token === "" ? {} : { token }),
      ...(flags.id === undefined ? {} : { id: flags.id }),
      ...(flags.allowOrigin === undefined ? {} : { allowedOrigins: flags.allowOrigin }),
      ...(flags.allowHost === undefined ? {} : { allowedHosts: flags.allowHost }),
    });
    this.process.stdout.write(
      `${JSON.stringify({ url: node.url, http: node.httpUrl, ...(node.unixUrl === undefined ? {} : { unix: node.unixUrl }) })}\n`,
    );
    await untilStopped(this);
    await node.close();
  },
});
