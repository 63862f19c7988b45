export type { Clock, Timer } from "./clock.ts";
export { type ClockExchange, ClockOffset } from "./clock-offset.ts";
export { formatDuration, parseDuration } from "./duration.ts";
export { PeerTime } from "./peer-time.ts";
export { type Skew, SkewedClock, VirtualClock } from "./virtual-clock.ts";
