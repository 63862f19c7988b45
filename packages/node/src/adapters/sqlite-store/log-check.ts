// Looks whether a write-ahead log is whole (https://sqlite.org/fileformat2.html#walformat).
//
// SQLite takes the first frame that it cannot verify for the end of the log: right after a crash in the
// middle of a commit, and a silent loss of commits when the frame was damaged later. Where each commit is
// synced before the next one begins, the two can be told apart: behind a torn commit there is none that
// another was written upon. So only the last commit of a damaged log can be lost unnoticed.
import { existsSync, readFileSync } from "node:fs";

const headerBytes = 32;
const frameHeaderBytes = 24;

/** Where a log is damaged: how many of its bytes are sound, of how many. */
export interface LogDamage {
  readonly soundBytes: number;
  readonly sizeBytes: number;
}

/** Undefined where the log beside a file is whole, torn in its last commit, or not there. */
export function findLogDamage(path: string): LogDamage | undefined {
  const log = `${path}-wal`;
  const bytes = existsSync(log) ? readFileSync(log) : Buffer.alloc(0);
  if (bytes.length < headerBytes) return undefined;
  const isBigEndian = (bytes.readUInt32BE(0) & 1) === 1;
  const isHeaderSound = isSum(checksum(bytes, 0, 24, [0, 0], isBigEndian), bytes, 24);
  const frames = framesOf(bytes);
  let sum: Sum = [bytes.readUInt32BE(24), bytes.readUInt32BE(28)];
  let sound = 0;
  let soundBytes = isHeaderSound ? headerBytes : 0;
  while (isHeaderSound && sound < frames.count) {
    const next = frames.sumAfter(sound, sum, isBigEndian);
    if (!frames.hasSalt(sound, 16) || !isSum(next, bytes, frames.at(sound) + 16)) break;
    sum = next;
    if (frames.isCommit(sound)) soundBytes = frames.at(sound + 1);
    sound += 1;
  }
  // A header that is damaged no longer says which frames are its own: those like the first are.
  const saltAt = isHeaderSound ? 16 : headerBytes + 8;
  for (let index = sound; index + 1 < frames.count; index++) {
    if (!frames.isCommit(index) || !frames.hasSalt(index, saltAt)) continue;
    if (!frames.hasSalt(index + 1, saltAt)) continue;
    const at = frames.at(index) + 16;
    const told: Sum = [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
    const next = [false, true].map((order) => frames.sumAfter(index + 1, told, order));
    if (next.some((each) => isSum(each, bytes, frames.at(index + 1) + 16)))
      return { soundBytes, sizeBytes: bytes.length };
  }
  return undefined;
}

type Sum = readonly [number, number];

interface Frames {
  readonly count: number;
  at(index: number): number;
  isCommit(index: number): boolean;
  /** True when the frame bears the salts that are at this place of the log. */
  hasSalt(index: number, saltAt: number): boolean;
  sumAfter(index: number, before: Sum, isBigEndian: boolean): Sum;
}

function framesOf(bytes: Buffer): Frames {
  const stated = bytes.readUInt32BE(8);
  const pageBytes = stated >= 512 && stated <= 65_536 ? stated : 4096;
  const size = frameHeaderBytes + pageBytes;
  const at = (index: number): number => headerBytes + index * size;
  return {
    count: Math.floor((bytes.length - headerBytes) / size),
    at,
    isCommit: (index) => bytes.readUInt32BE(at(index) + 4) > 0,
    hasSalt: (index, saltAt) =>
      bytes.compare(bytes, saltAt, saltAt + 8, at(index) + 8, at(index) + 16) === 0,
    sumAfter: (index, before, isBigEndian) => {
      const head = checksum(bytes, at(index), 8, before, isBigEndian);
      return checksum(bytes, at(index) + frameHeaderBytes, pageBytes, head, isBigEndian);
    },
  };
}

function checksum(
  bytes: Buffer,
  from: number,
  length: number,
  [first, second]: Sum,
  isBigEndian: boolean,
): Sum {
  let [a, b] = [first, second];
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, length);
  for (let at = 0; at < length; at += 8) {
    a = (a + view.getUint32(at, !isBigEndian) + b) >>> 0;
    b = (b + view.getUint32(at + 4, !isBigEndian) + a) >>> 0;
  }
  return [a, b];
}

function isSum([a, b]: Sum, bytes: Buffer, at: number): boolean {
  return bytes.readUInt32BE(at) === a && bytes.readUInt32BE(at + 4) === b;
}
