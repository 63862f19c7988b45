export type { Clock, Timer } from "./clock.ts";
export { ClockOffset, type ClockExchange } from "./clock-offset.ts";
export { formatDuration, parseDuration } from "./duration.ts";
export { VirtualClock } from "./virtual-clock.ts";
