import { Writable } from "node:stream";
import { destination, type Logger, pino } from "pino";
import { KeepingSink } from "./recent.ts";

/** How the node's log is written. */
export interface LogOptions {
  /** The least that is written: `trace`, `debug`, `info`, `warn`, `error` or `silent`. */
  readonly level: string;
  /** True for lines that people read; false for one JSON object a line. */
  readonly isReadable: boolean;
}

/** What JSON leaves as it is and a terminal obeys: C1 controls, separators, changes of the writing's direction. */
const steering = /[\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A line without what would steer a terminal: written as JSON may write it too. */
function escaped(line: string): string {
  return line.replaceAll(
    steering,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A structured log on standard error. Tokens are never in it, and what agents say stays in its line. */
export async function createLog({ level, isReadable }: LogOptions): Promise<Logger> {
  const options = {
    level,
    base: null,
    redact: { paths: ["token", "*.token", "authorization", "*.authorization"], censor: "(secret)" },
    hooks: { streamWrite: escaped },
  };
  if (!isReadable) return pino(options, new KeepingSink(destination({ dest: 2, sync: false })));
  // Loaded where it is used: a node under a service manager starts 25 ms sooner without it.
  const { default: pretty } = await import("pino-pretty");
  const terminal = destination({ dest: 2, sync: true });
  const readable = pretty({
    destination: new Writable({
      write: (line: Buffer, _, done) => {
        terminal.write(escaped(line.toString()));
        done();
      },
    }),
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "pid,hostname",
  });
  return pino(options, new KeepingSink(readable));
}
