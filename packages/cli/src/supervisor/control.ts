/**
 * Sends signals to a whole process tree and ends it.
 *
 * 1. The group of the first process gets a signal at once, in one call; members that left the group
 *    get it one by one.
 * 2. SIGSTOP and SIGKILL are sent again until no new member is found: a process may fork while
 *    others are being stopped, but one that is stopped or dead cannot.
 * 3. `isGone` holds when no process runs any more: neither in the group, nor in the tree, nor one
 *    that bears the supervisor's mark in its environment.
 *
 * Where there is no /proc the group is all that is known.
 */
import { readFileSync } from "node:fs";
import { numericEntries } from "./proc-reader.ts";
import type { ProcessTree } from "./process-tree.ts";

const maxRounds = 10;

export class TreeControl {
  readonly rootPid: number;
  readonly #tree: ProcessTree | undefined;
  readonly #mark: string;

  /** `mark` is what only this tree has in its environment; see guardian.ts. */
  constructor(rootPid: number, tree: ProcessTree | undefined, mark: string) {
    this.rootPid = rootPid;
    this.#tree = tree;
    this.#mark = mark;
  }

  /** Sends a signal to all of the tree. */
  signalAll(signal: NodeJS.Signals): void {
    const isFinal = signal === "SIGSTOP" || signal === "SIGKILL";
    const reached = new Set<number>();
    for (let round = 0; round < (isFinal ? maxRounds : 1); round++) {
      signalGroup(this.rootPid, signal);
      const outsiders = this.#outsiders().filter((pid) => !reached.has(pid));
      if (outsiders.length === 0) return;
      for (const pid of outsiders) {
        reached.add(pid);
        signalProcess(pid, signal);
      }
    }
  }

  /** As `signalAll` for the members known already: cheap, for signals sent many times a second. */
  signalKnown(signal: NodeJS.Signals): void {
    signalGroup(this.rootPid, signal);
    for (const { pid, stat } of this.#tree?.members.values() ?? []) {
      if (!stat.isZombie && stat.groupId !== this.rootPid) signalProcess(pid, signal);
    }
  }

  /** Sends a signal to the first process alone; false when it is gone. */
  signalRoot(signal: NodeJS.Signals): boolean {
    return signalProcess(this.rootPid, signal);
  }

  /** True when nothing of the tree runs any more. */
  isGone(): boolean {
    if (this.#tree === undefined) return !groupExists(this.rootPid);
    this.#tree.refreshNow();
    return this.#tree.liveCount === 0 && this.#marked().length === 0;
  }

  /** Live members that the group's signals do not reach. */
  #outsiders(): number[] {
    if (this.#tree === undefined) return [];
    this.#tree.refreshNow();
    const pids: number[] = [];
    for (const { pid, stat } of this.#tree.members.values()) {
      if (!stat.isZombie && stat.groupId !== this.rootPid) pids.push(pid);
    }
    for (const pid of this.#marked()) if (!this.#tree.members.has(pid)) pids.push(pid);
    return pids;
  }

  /** Processes that bear the mark. A zombie has no environment, so it is none of them. */
  #marked(): number[] {
    return numericEntries("/proc").filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`).includes(this.#mark);
      } catch {
        return false;
      }
    });
  }
}

/** A group id of 0 or 1 would mean everything, or oneself. */
function signalGroup(groupId: number, signal: NodeJS.Signals): boolean {
  return groupId > 1 && signalProcess(-groupId, signal);
}

function groupExists(groupId: number): boolean {
  try {
    process.kill(-groupId, 0);
    return true;
  } catch {
    return false;
  }
}

/** False when there is no such process, or it is not ours to signal. */
function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
