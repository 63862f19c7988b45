import process from "node:process";
import { buildCommand, type Command } from "@stricli/core";
import {
  type ConfigFlags,
  configFlags,
  nodeOptionsOf,
  readConfiguration,
  shownEntry,
} from "../config/index.ts";
import { type CliContext, untilStopped } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";

/** `myelin up`: a node in the foreground, until SIGINT or SIGTERM. */
export const upCommand: Command<CliContext> = buildCommand<ConfigFlags, [], CliContext>({
  docs: {
    brief: "Start a node",
    fullDescription:
      "Starts a node in the foreground, until SIGINT or SIGTERM. What it is told comes from the file myelin.yaml, from MYELIN_ variables, and from flags, each over those before; `myelin config` shows what is in force.",
  },
  parameters: { flags: configFlags },
  async func(flags) {
    const { createLog, defaultLimits, defaultSessionSettings, startNode } = await import(
      "@myelin/node"
    );
    const configuration = await readConfiguration({
      flags,
      environment: this.env,
      bounds: { session: { ...defaultSessionSettings }, limits: { ...defaultLimits } },
    });
    const log = await createLog({
      level: configuration.node.logLevel,
      isReadable: process.stderr.isTTY === true,
    });
    log.info({ file: configuration.file ?? null }, "configuration read");
    const end = (): never => process.exit(exitCodes.internal);
    const node = await startNode({
      ...nodeOptionsOf(configuration),
      configuration: { file: configuration.file, entries: configuration.entries.map(shownEntry) },
      log,
      onFatal: end,
    });
    const crash = (thrown: unknown, origin: string): never => {
      node.reportCrash(origin, thrown);
      return end();
    };
    process.on("uncaughtException", crash);
    this.process.stdout.write(
      `${JSON.stringify({ url: node.url, http: node.httpUrl, ...(node.unixUrl === undefined ? {} : { unix: node.unixUrl }) })}\n`,
    );
    const reload = (): void => void node.reloadTls();
    if (configuration.node.tlsCert !== undefined) process.on("SIGHUP", reload);
    await untilStopped(this);
    await node.close();
    process.off("uncaughtException", crash);
    process.off("SIGHUP", reload);
  },
});
