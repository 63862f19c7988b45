// Recordings of nodes, read from their files; also while they are written.
//
// Invariants
// 1. What one lane has recorded comes in its order, and what all have in the order of its instants.
// 2. Each run of the node begins once, however many lanes it has.
// 3. Of an end that is torn what is whole is told. What is damaged otherwise ends the reading with an error.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { MyelinError } from "@myelin/core/errors";
import type { Recorded } from "@myelin/core/recordings";
import { RecordingReader } from "../../recording/index.ts";
import { readSegments, type SegmentContent } from "../file-log/index.ts";

/** Most that is told at once. */
const batchSize = 1_024;

/**
 * What a node was told, as it has recorded it, some at a time.
 * @param directory A data directory, its folder `recording`, or a lane's folder in that.
 * @throws MyelinError INVALID_ARGUMENT, STORAGE_CORRUPT, STORAGE_UNAVAILABLE, SCHEMA_TOO_NEW
 */
export async function* readRecording(directory: string): AsyncGenerator<readonly Recorded[]> {
  const lanes = (await foldersIn(directory)).map((folder) => new LaneReading(folder));
  const runs = new Set<number>();
  for (;;) {
    for (const lane of lanes) await lane.fill();
    const batch = batchOf(lanes, runs);
    if (batch.length === 0 && lanes.every(({ isOver }) => isOver)) return;
    yield batch;
  }
}

/** What comes next, until it is much or more is to be read. */
function batchOf(lanes: readonly LaneReading[], runs: Set<number>): Recorded[] {
  const batch: Recorded[] = [];
  while (batch.length < batchSize) {
    let first: LaneReading | undefined;
    for (const lane of lanes)
      if (lane.atUs < (first?.atUs ?? Number.POSITIVE_INFINITY)) first = lane;
    if (first?.recorded === undefined) return batch;
    const { recorded, run } = first;
    const isAgain = recorded.kind === "start" && runs.has(run);
    runs.add(run);
    if (!isAgain) batch.push(recorded);
    if (!first.next()) return batch;
  }
  return batch;
}

/** One lane's recording, and where the reading is in it. */
class LaneReading {
  /** What comes next; undefined at the end. */
  recorded: Recorded | undefined;
  isOver = false;
  readonly #reader = new RecordingReader();
  readonly #segments: AsyncGenerator<SegmentContent>;
  #ofSegment: Iterator<Recorded> | undefined;

  constructor(folder: string) {
    this.#segments = readSegments(folder);
  }

  /** When it was told; Infinity at the end. */
  get atUs(): number {
    return this.recorded?.atUs ?? Number.POSITIVE_INFINITY;
  }

  /** Its run of the node. */
  get run(): number {
    return this.#reader.run;
  }

  /** Goes on within the segment; false at its end. */
  next(): boolean {
    const next = this.#ofSegment?.next();
    this.recorded = next === undefined || next.done === true ? undefined : next.value;
    return this.recorded !== undefined;
  }

  /** Reads further segments, where nothing comes next, until one tells something. */
  async fill(): Promise<void> {
    while (this.recorded === undefined && !this.isOver) {
      const { value, done } = await this.#segments.next();
      if (done === true) this.isOver = true;
      else this.#ofSegment = this.#read(value);
      this.next();
    }
  }

  *#read({ entries, isTorn }: SegmentContent): Generator<Recorded> {
    for (const entry of entries) yield* this.#reader.read(entry);
    if (isTorn) this.#reader.interrupted();
  }
}

async function foldersIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((): string[] => []);
  if (names.includes("recording")) return await foldersIn(join(directory, "recording"));
  if (names.some((name) => /^\d{8}\.log$/.test(name))) return [directory];
  const lanes = names.filter((name) => /^\d+-of-\d+$/.test(name));
  if (lanes.length > 0) return lanes.map((name) => join(directory, name));
  throw new MyelinError("INVALID_ARGUMENT", `there is no recording in ${directory}`, {
    hint: "Name the data directory of a node that was started with --record on.",
  });
}
