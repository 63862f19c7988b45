import { runCommandLine } from "../command-line.ts";

/** What became of a command. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A command that runs in this process. */
export interface Running {
  /** Resolves when it has printed this, on either output. */
  readonly has: (text: string) => Promise<void>;
  /** Stops it, as SIGINT does. */
  readonly stop: () => void;
  readonly ended: Promise<Outcome>;
}

/** Starts the command line in this process, with nothing of this process's environment. */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  let [out, err] = ["", ""];
  const waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  const look = (): void => {
    for (const { text, resolve } of waiting) if ((out + err).includes(text)) resolve();
  };
  const host = {
    stdout: {
      write: (text: string) => {
        out += text;
        look();
      },
    },
    stderr: {
      write: (text: string) => {
        err += text;
        look();
      },
    },
    env,
    exitCode: null as number | null,
  };
  const stopping = new AbortController();
  const { signal } = stopping;
  const ended = runCommandLine(args, { process: host, env, signal }).then((code) => ({
    code,
    out,
    err,
  }));
  const has = (text: string): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ text, resolve });
      look();
    });
  return { has, stop: () => stopping.abort(), ended };
}

/** Runs a command of the command line to its end. */
export function myelin(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return start(args, env).ended;
}
