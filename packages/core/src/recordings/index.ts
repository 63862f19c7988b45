export type { Recorded, RecordedSample } from "./recorded.ts";
