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

/**
 * What a node was told, as it has recorded it.
 * @param directory A data directory, its folder `recording`, or a lane's folder in that.
 * @throws MyelinError NOT_FOUND, STORAGE_CORRUPT, STORAGE_UNAVAILABLE, SCHEMA_TOO_NEW
 */
export async function* readRecording(directory: string): AsyncGenerator<Recorded> {
  const lanes = (await foldersIn(directory)).map((folder) => new LaneReading(folder));
  for (const lane of lanes) await lane.next();
  const runs = new Set<number>();
  for (;;) {
    let first: LaneReading | undefined;
    for (const lane of lanes)
      if (lane.atUs < (first?.atUs ?? Number.POSITIVE_INFINITY)) first = lane;
    if (first?.recorded === undefined) return;
    const { recorded, run } = first;
    const isAgain = recorded.kind === "start" && runs.has(run);
    runs.add(run);
    if (!isAgain) yield recorded;
    if (!first.nextOfSegment()) await first.next();
  }
}

/** One lane's recording, and where the reading is in it. */
class LaneReading {
  /** What comes next; undefined at the end. */
  recorded: Recorded | undefined;
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
  nextOfSegment(): boolean {
    this.recorded = undefined;
    const next = this.#ofSegment?.next();
    if (next === undefined || next.done === true) return false;
    this.recorded = next.value;
    return true;
  }

  /** Goes on with the next segments that tell something. */
  async next(): Promise<void> {
    do {
      const { value, done } = await this.#segments.next();
      if (done === true) return;
      this.#ofSegment = this.#read(value);
    } while (!this.nextOfSegment());
  }

  *#read({ entries, isTorn }: SegmentContent): Generator<Recorded> {
    for (const entry of entries) yield* this.#reader.read(entry);
    if (isTorn) this.#reader.interrupted();
  }
}

async function foldersIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((): string[] => []);
  if (names.includes("recording")) return await foldersIn(join(directory, "recording"));
  if (names.some((name) => name.endsWith(".log"))) return [directory];
  const lanes = names.filter((name) => /^\d+-of-\d+$/.test(name));
  if (lanes.length > 0) return lanes.map((name) => join(directory, name));
  throw new MyelinError("NOT_FOUND", `there is no recording in ${directory}`, {
    hint: "Name the data directory of a node that was started with --record on.",
  });
}
