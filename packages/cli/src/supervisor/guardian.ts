/**
 * Ends the supervised processes when the supervisor dies, however it dies.
 *
 * 1. The guardian is a small shell in a session of its own that holds the reading end of a pipe. When
 *    the supervisor is gone, also by `kill -9`, the kernel closes the other end, and the guardian kills.
 * 2. It kills the process group it was told of last, and then every process that bears the
 *    supervisor's mark in its environment: children inherit the mark, so this finds those that left
 *    the group, and one that was started an instant before the supervisor died. A process that
 *    leaves the group *and* clears its environment escapes.
 * 3. If the guardian itself ends, the supervisor starts another and tells it what the first knew.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";

/** Environment variable that marks all that descends from a supervisor. */
const supervisionVariable = "MYELIN_SUPERVISION";

/** An environment whose bearers are found by `mark`; under an outer supervisor they bear its mark too. */
export function markedEnvironment(environment: NodeJS.ProcessEnv, mark: string): NodeJS.ProcessEnv {
  const outer = process.env[supervisionVariable];
  return { ...environment, [supervisionVariable]: outer === undefined ? mark : `${outer}:${mark}` };
}

const respawnDelayMs = 100;

// Each line is all there is to end: a process group, or 0, and cgroup folders to remove afterwards.
// `quit` alone means that nothing is left. Marks are looked for twice, because a process that was
// being forked while the first look went by shows its own environment only when it runs.
const script = `
trap '' HUP INT TERM QUIT
mark=$1 group=0 folders=
while read -r first rest; do
  [ "$first" = quit ] && exit 0
  group=$first folders=$rest
done
for round in 1 2; do
  [ "$group" -gt 1 ] && kill -s KILL -- "-$group" 2>/dev/null
  for file in $(grep -lF "$mark" /proc/[0-9]*/environ 2>/dev/null); do
    pid=\${file#/proc/}
    kill -s KILL "\${pid%/environ}" 2>/dev/null
  done
  sleep 0.2
done
[ -n "$folders" ] && rmdir $folders 2>/dev/null
exit 0
`;

export class Guardian {
  readonly #mark: string;
  #process: ChildProcess | undefined;
  #line = "0";
  #isClosed = false;

  /** `mark` is the value of the supervision variable that only this supervisor's descendants bear. */
  constructor(mark: string) {
    this.#mark = mark;
    this.#start();
  }

  /** Pid of the guardian's process. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Says what is to be ended when the supervisor dies: a process group, and cgroup folders to remove. */
  watch(groupId: number | undefined, cgroupFolders: readonly string[] = []): void {
    this.#line = [groupId ?? 0, ...cgroupFolders].join(" ");
    this.#send(this.#line);
  }

  /** Nothing is left to guard. */
  close(): void {
    this.#isClosed = true;
    this.#send("quit");
    this.#process?.stdin?.end();
  }

  #start(): void {
    const guardian = spawn("/bin/sh", ["-c", script, "myelin-guardian", this.#mark], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
      cwd: "/",
    });
    this.#process = guardian;
    const ended = (): void => {
      if (this.#process === guardian) this.#process = undefined;
      if (!this.#isClosed) setTimeout(() => this.#restart(), respawnDelayMs).unref();
    };
    guardian.once("exit", ended);
    guardian.once("error", ended);
    guardian.stdin?.on("error", () => undefined);
    guardian.unref();
    unrefStream(guardian.stdin);
    this.#send(this.#line);
  }

  #restart(): void {
    if (!this.#isClosed && this.#process === undefined) this.#start();
  }

  #send(line: string): void {
    this.#process?.stdin?.write(`${line}\n`);
  }
}

/** The pipe alone shall not keep the supervisor alive. */
function unrefStream(stream: Writable | null): void {
  if (stream !== null && "unref" in stream && typeof stream.unref === "function") stream.unref();
}
