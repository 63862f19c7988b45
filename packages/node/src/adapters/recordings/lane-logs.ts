import type { ArcOptions } from "../../arc-options.ts";
import { FileLog, logFolder } from "../file-log/index.ts";

/** Where a lane keeps its logs. */
export interface LaneLogPlace {
  /** The data directory. */
  readonly directory: string;
  readonly lane: number;
  readonly lanes: number;
  readonly limits: { readonly recordingMaxBytes: number };
  /** Names the run of the node, in all of its lanes, where it is recorded. */
  readonly recordedRun: number | undefined;
}

const maxSegmentBytes = 16 << 20;
/** Segments in what a lane may take: the oldest go as a whole. */
const leastSegments = 16;

/** What keeps what rules of a lane read of the past, and what records what they are told, where that is asked for. */
export function laneLogs(place: LaneLogPlace): Pick<ArcOptions, "historyLog" | "recording"> {
  const { directory, lane, lanes, limits, recordedRun: run } = place;
  const historyLog = new FileLog({ directory: logFolder(directory, "windows", lane, lanes) });
  if (run === undefined) return { historyLog };
  const maxBytes = Math.floor(limits.recordingMaxBytes / lanes);
  const log = new FileLog({
    directory: logFolder(directory, "recording", lane, lanes),
    segmentBytes: Math.min(maxSegmentBytes, maxBytes / leastSegments),
  });
  return { historyLog, recording: { log, run, maxBytes } };
}
