/** What the node tells its engine, recorded, and read back. */
export { Recorder, type RecorderOptions } from "./recorder.ts";
export { RecordingReader } from "./reader.ts";
export { tellRecorded, type Told } from "./tell.ts";
