export { readRecording } from "./read-recording.ts";
export { type RecordingPlace, recordingTo } from "./recording-to.ts";
