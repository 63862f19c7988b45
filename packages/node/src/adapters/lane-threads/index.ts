export {
  type LaneSeed,
  type LaneThreads,
  readSeed,
  type SharedSeed,
  startLaneThreads,
} from "./lane-threads.ts";
