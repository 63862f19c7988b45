import type { ArcOptions } from "../../arc-options.ts";
import { FileLog, logFolder } from "../file-log/index.ts";

/** Where a lane records. */
export interface RecordingPlace {
  /** The data directory. */
  readonly directory: string;
  readonly lane: number;
  readonly lanes: number;
  /** Names the run of the node, in all of its lanes. */
  readonly run: number;
  /** Most that all lanes together may take on disk. */
  readonly maxBytes: number;
}

const maxSegmentBytes = 16 << 20;
/** Segments in what a lane may take: the oldest go as a whole. */
const leastSegments = 16;

/** What a lane's arc is given in order to record. */
export function recordingTo(place: RecordingPlace): NonNullable<ArcOptions["recording"]> {
  const { directory, lane, lanes, run } = place;
  const maxBytes = Math.floor(place.maxBytes / lanes);
  const segmentBytes = Math.min(maxSegmentBytes, maxBytes / leastSegments);
  const log = new FileLog({
    directory: logFolder(directory, "recording", lane, lanes),
    segmentBytes,
  });
  return { log, run, maxBytes };
}
