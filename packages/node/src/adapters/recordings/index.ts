export { dropOtherLogs, laneLogs, type LaneLogPlace } from "./lane-logs.ts";
export { readRecording } from "./read-recording.ts";
