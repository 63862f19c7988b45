import { destination, type Logger, pino } from "pino";

/** How the node's log is written. */
export interface LogOptions {
  /** The least that is written: `trace`, `debug`, `info`, `warn`, `error` or `silent`. */
  readonly level: string;
  /** True for lines that people read; false for one JSON object a line. */
  readonly isReadable: boolean;
}

/** A structured log on standard error. Tokens are never in it. */
export async function createLog({ level, isReadable }: LogOptions): Promise<Logger> {
  const options = {
    level,
    base: null,
    redact: { paths: ["token", "*.token", "authorization", "*.authorization"], censor: "(secret)" },
  };
  if (!isReadable) return pino(options, destination({ dest: 2, sync: false }));
  // Loaded where it is used: a node under a service manager starts 25 ms sooner without it.
  const { default: pretty } = await import("pino-pretty");
  const readable = pretty({
    destination: 2,
    sync: true,
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "pid,hostname",
  });
  return pino(options, readable);
}
