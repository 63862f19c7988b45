import process from "node:process";
import { runCommandLine } from "./command-line.ts";
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

process.exitCode = await runCommandLine(process.argv.slice(2), {
  process: { stdout: process.stdout, stderr: process.stderr, env: process.env, exitCode: null },
  env: process.env,
  signal: stopping.signal,
});
