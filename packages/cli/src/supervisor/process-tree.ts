/**
 * Knows which processes belong to a supervised command: its first process and whatever descends from it.
 *
 * 1. A process is a member when its parent is one, or when it is in the session of the first process;
 *    once a member it stays one until it ends, also when it loses its parent.
 * 2. Membership is by process, not by number: a reused pid is a new process.
 * 3. A refresh reads only processes it has not seen; all are read again every ten seconds, because a
 *    number that was seen may have been given to another process since.
 * 4. Looking for new members costs at most 2 % of a core: after a slow look the next waits.
 */
import { emptyProcStat, type ProcStat, parseProcStat } from "./proc-stat.ts";
import { numericEntries, type ProcFile, ProcReader } from "./proc-reader.ts";

const completeLookIntervalMs = 10_000;
const lookBudgetShare = 0.02;

/** One process of the tree, with its last reading. */
export interface TreeMember {
  readonly pid: number;
  readonly stat: ProcStat;
  readonly statFile: ProcFile;
}

/** Told of what joins and leaves the tree. */
export interface TreeObserver {
  joined(member: TreeMember): void;
  /** The member has ended; `parent` is the member that reaps it, if any does. */
  left(member: TreeMember, parent: TreeMember | undefined): void;
}

export class ProcessTree {
  readonly rootPid: number;
  readonly members: Map<number, TreeMember> = new Map();
  readonly #reader: ProcReader;
  readonly #observer: TreeObserver | undefined;
  readonly #lastPidFile: ProcFile;
  #strangers: Set<number> = new Set();
  #lastPid = -1;
  #nextCompleteLookMs = 0;
  #nextLookMs = 0;

  constructor(rootPid: number, reader: ProcReader = new ProcReader(), observer?: TreeObserver) {
    this.rootPid = rootPid;
    this.#reader = reader;
    this.#observer = observer;
    this.#lastPidFile = reader.file("/proc/loadavg");
    this.#admit(rootPid);
  }

  /** Processes of the tree that still run; zombies do not. */
  get liveCount(): number {
    let count = 0;
    for (const member of this.members.values()) if (!member.stat.isZombie) count++;
    return count;
  }

  /** Reads every member again and looks for new ones if there may be any; cheap enough for each sample. */
  refresh(nowMs: number): void {
    this.#readMembers();
    if (nowMs < this.#nextLookMs) return;
    const isComplete = nowMs >= this.#nextCompleteLookMs;
    if (!this.#processesWereCreated() && !isComplete) return;
    this.#look(isComplete);
    const spentMs = performance.now() - nowMs;
    this.#nextLookMs = nowMs + spentMs / lookBudgetShare;
    if (isComplete) this.#nextCompleteLookMs = nowMs + completeLookIntervalMs;
  }

  /** As `refresh`, but looks for new members in any case; for acting on the tree. */
  refreshNow(): void {
    this.#readMembers();
    this.#look(false);
  }

  close(): void {
    for (const member of this.members.values()) member.statFile.close();
    this.members.clear();
    this.#lastPidFile.close();
  }

  #readMembers(): void {
    let gone: TreeMember[] | undefined;
    for (const member of this.members.values()) {
      if (!this.#readStat(member)) (gone ??= []).push(member);
    }
    // Parents join before their children, so backwards each finds its parent still here.
    for (const member of gone?.reverse() ?? []) this.#dismiss(member);
  }

  #readStat(member: TreeMember): boolean {
    const { stat } = member;
    const startTicks = stat.startTicks;
    if (!member.statFile.read() || !parseProcStat(this.#reader, stat)) return false;
    return startTicks === 0 || startTicks === stat.startTicks;
  }

  #dismiss(member: TreeMember): void {
    this.members.delete(member.pid);
    member.statFile.close();
    this.#observer?.left(member, this.members.get(member.stat.parentPid));
  }

  /** The kernel tells the pid it gave last (to a thread, too); while it stays, nothing was born. */
  #processesWereCreated(): boolean {
    if (!this.#lastPidFile.read()) return true;
    const { buffer } = this.#reader;
    let at = this.#reader.length - 1;
    while (at > 0 && buffer[at - 1] !== 0x20) at--;
    const lastPid = this.#reader.numberAt(at);
    if (lastPid === this.#lastPid) return false;
    this.#lastPid = lastPid;
    return true;
  }

  #look(isComplete: boolean): void {
    const strangers = new Set<number>();
    let unknown: TreeMember[] = [];
    for (const pid of numericEntries("/proc")) {
      if (this.members.has(pid)) continue;
      if (!isComplete && this.#strangers.has(pid)) strangers.add(pid);
      else unknown.push(this.#candidate(pid));
    }
    // A child may stand before its parent in the list, so this goes on until nobody joins.
    for (let before = -1; before !== unknown.length; ) {
      before = unknown.length;
      unknown = unknown.filter((candidate) => !this.#join(candidate));
    }
    for (const candidate of unknown) {
      strangers.add(candidate.pid);
      candidate.statFile.close();
    }
    this.#strangers = strangers;
  }

  #candidate(pid: number): TreeMember {
    const path = `/proc/${pid}/stat`;
    const stat = emptyProcStat();
    if (this.#reader.readOnce(path)) parseProcStat(this.#reader, stat);
    return { pid, stat, statFile: this.#reader.file(path) };
  }

  #join(candidate: TreeMember): boolean {
    const { parentPid, sessionId } = candidate.stat;
    if (!this.members.has(parentPid) && sessionId !== this.rootPid) return false;
    if (!this.#readStat(candidate)) {
      candidate.statFile.close();
      return true;
    }
    this.members.set(candidate.pid, candidate);
    this.#observer?.joined(candidate);
    return true;
  }

  #admit(pid: number): void {
    const member = this.#candidate(pid);
    if (!this.#readStat(member)) return;
    this.members.set(pid, member);
    this.#observer?.joined(member);
  }
}
