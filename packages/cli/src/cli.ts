import process from "node:process";
import { ExitCode, run, type StricliProcess } from "@stricli/core";
import { app } from "./app.ts";
import { exitCodes } from "./exit-codes.ts";

const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopping.abort(name));
// Started with a channel, the command ends with the one who started it.
if (process.channel !== undefined) {
  process.once("disconnect", () => stopping.abort());
  process.channel?.unref();
}
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.success);
  throw error;
});

const host: StricliProcess = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  exitCode: null,
};
await run(app, process.argv.slice(2), { process: host, env: process.env, signal: stopping.signal });
const isMisused =
  host.exitCode === ExitCode.InvalidArgument || host.exitCode === ExitCode.UnknownCommand;
process.exitCode = isMisused ? exitCodes.usage : (host.exitCode ?? exitCodes.success);
