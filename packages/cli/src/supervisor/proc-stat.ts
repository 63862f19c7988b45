import type { ProcReader } from "./proc-reader.ts";

/** What `/proc/PID/stat` says, as far as it is used here; proc(5) describes the fields. */
export interface ProcStat {
  isZombie: boolean;
  parentPid: number;
  groupId: number;
  sessionId: number;
  /** CPU time of the process with its ended threads, in ticks. */
  ownTicks: number;
  /** CPU time of the children it has waited for, with theirs, in ticks. */
  reapedTicks: number;
  threads: number;
  /** Start in ticks since boot; together with the pid it names one process for ever. */
  startTicks: number;
  residentPages: number;
}

/** A record for `parseProcStat` to fill. */
export function emptyProcStat(): ProcStat {
  return {
    isZombie: false,
    parentPid: 0,
    groupId: 0,
    sessionId: 0,
    ownTicks: 0,
    reapedTicks: 0,
    threads: 0,
    startTicks: 0,
    residentPages: 0,
  };
}

const closingParenthesis = 0x29;
const space = 0x20;
const zombie = 0x5a;
const dead = 0x58;

/** Offset behind `count` more fields; one space parts them. */
function skipFields(reader: ProcReader, offset: number, count: number): number {
  let at = offset;
  for (let skipped = 0; skipped < count; at++) {
    if (at >= reader.length) return reader.length;
    if (reader.buffer[at] === space) skipped++;
  }
  return at;
}

/**
 * Reads the stat text in the reader's buffer into `into`; false when it is none. Allocates nothing.
 * The command's name may hold blanks and parentheses, so the fields are counted from the last `)`.
 */
export function parseProcStat(reader: ProcReader, into: ProcStat): boolean {
  let at = reader.length - 1;
  while (at >= 0 && reader.buffer[at] !== closingParenthesis) at--;
  if (at < 0) return false;
  const state = reader.buffer[at + 2];
  into.isZombie = state === zombie || state === dead;
  into.parentPid = reader.numberAt(at + 4);
  into.groupId = reader.numberAt(reader.end + 1);
  into.sessionId = reader.numberAt(reader.end + 1);
  const userTicks = reader.numberAt(skipFields(reader, reader.end + 1, 7));
  into.ownTicks = userTicks + reader.numberAt(reader.end + 1);
  const reapedUserTicks = reader.numberAt(reader.end + 1);
  into.reapedTicks = reapedUserTicks + reader.numberAt(reader.end + 1);
  into.threads = reader.numberAt(skipFields(reader, reader.end + 1, 2));
  into.startTicks = reader.numberAt(skipFields(reader, reader.end + 1, 1));
  into.residentPages = reader.numberAt(skipFields(reader, reader.end + 1, 1));
  return true;
}
