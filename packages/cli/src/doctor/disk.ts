import {
  closeSync,
  existsSync,
  fdatasyncSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { type Finding, fail, ok, warn } from "./finding.ts";

const leastBytes = 100 << 20;
const enoughBytes = 2 ** 30;
const slowSyncMs = 20;
const syncs = 16;
/** As Linux's statfs(2) numbers them. */
const networkFilesystems: ReadonlySet<number> = new Set([0x6969, 0xff534d42, 0x517b, 0xfe534d42]);
const memoryFilesystems: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/** Space, speed and kind of the disk below the data directory, or below what it will be made in. */
export function diskFindings(data: string): Finding[] {
  const place = nearestExisting(data);
  return [...spaceFindings(place), syncFinding(place)];
}

/** The folder itself, or the nearest above it that is there. */
export function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

function spaceFindings(place: string): Finding[] {
  const { bavail, bsize, type } = statfsSync(place);
  const kind = networkFilesystems.has(type)
    ? [
        warn(
          "file system",
          `${place} is on a network file system, whose locks and syncs may not hold`,
          "Put the data directory on a local disk.",
        ),
      ]
    : memoryFilesystems.has(type)
      ? [
          warn(
            "file system",
            `${place} is kept in memory, and gone when the machine restarts`,
            "Put the data directory on a disk.",
          ),
        ]
      : [];
  return [spaceFinding(place, bavail * bsize), ...kind];
}

/** Judges how much room is left. */
export function spaceFinding(place: string, freeBytes: number): Finding {
  const told = `${Math.floor(freeBytes / 2 ** 20).toLocaleString("en")} MiB free at ${place}`;
  const mend =
    "Free space, or put the data directory on a larger disk; the ledger takes up to 2 GiB.";
  if (freeBytes < leastBytes) return fail("disk space", told, mend);
  return freeBytes < enoughBytes ? warn("disk space", told, mend) : ok("disk space", told);
}

/** Writes as the node does, a little and synchronously. */
function syncFinding(place: string): Finding {
  const path = join(place, `.myelin-doctor-${process.pid}`);
  try {
    const file = openSync(path, "wx", 0o600);
    try {
      const tookMs: number[] = [];
      const page = new Uint8Array(4096);
      for (let round = 0; round < syncs; round++) {
        const startedAtMs = performance.now();
        writeSync(file, page);
        fdatasyncSync(file);
        tookMs.push(performance.now() - startedAtMs);
      }
      return speedFinding(tookMs.toSorted((a, b) => a - b)[syncs / 2] ?? 0);
    } finally {
      closeSync(file);
      rmSync(path, { force: true });
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(
      "disk writes",
      reason,
      `Let this user write to ${place}, or name another with --data.`,
    );
  }
}

/** Judges how long a write takes to be on disk. */
export function speedFinding(medianMs: number): Finding {
  const told = `a write is on disk in ${medianMs.toFixed(2)} ms (median of ${syncs})`;
  if (medianMs < slowSyncMs) return ok("disk writes", told);
  return warn(
    "disk writes",
    told,
    "Use a faster disk: instructions by hand and new rules wait for it; rules that fire do not.",
  );
}
