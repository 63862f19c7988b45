export { eventLine } from "./event-line.ts";
export type { StreamEvent } from "./event-stream.ts";
export { follow, type FollowOptions, type WatchEvent } from "./follow.ts";
