import type { ArcOptions } from "../../arc-options.ts";
import { dropOtherFolders, FileLog, logFolder } from "../file-log/index.ts";

/** Where a lane keeps its logs. */
export interface LaneLogPlace {
  /** The data directory; undefined where all is kept in memory. */
  readonly directory: string | undefined;
  readonly lane: number;
  readonly lanes: number;
  readonly limits: { readonly recordingMaxBytes: number };
  readonly isRecorded?: boolean;
  /** Names the run of the node, in all of its lanes. */
  readonly run: number;
}

const maxSegmentBytes = 16 << 20;
/** Segments in what a lane may take: the oldest go as a whole. */
const leastSegments = 16;

/** What keeps what rules of a lane read of the past, and what records what they are told, where that is asked for. */
export function laneLogs(place: LaneLogPlace): Pick<ArcOptions, "historyLog" | "recording"> {
  const { directory, lane, lanes, limits, run } = place;
  if (directory === undefined) return {};
  const historyLog = new FileLog({ directory: logFolder(directory, "windows", lane, lanes) });
  if (place.isRecorded !== true) return { historyLog };
  const maxBytes = Math.floor(limits.recordingMaxBytes / lanes);
  const log = new FileLog({
    directory: logFolder(directory, "recording", lane, lanes),
    segmentBytes: Math.min(maxSegmentBytes, maxBytes / leastSegments),
  });
  return { historyLog, recording: { log, run, maxBytes } };
}

/** Removes the logs of other numbers of lanes; recordings only when there is to be another. */
export async function dropOtherLogs(
  directory: string,
  lanes: number,
  isRecorded: boolean,
): Promise<void> {
  await dropOtherFolders(directory, "windows", lanes);
  if (isRecorded) await dropOtherFolders(directory, "recording", lanes);
}
