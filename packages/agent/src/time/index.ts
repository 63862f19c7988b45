export { AgentClock, type AgentClockOptions } from "./agent-clock.ts";
export { Instants } from "./instants.ts";
export { NodeTime } from "./node-time.ts";
export { systemClock, systemWallUs } from "./system-clock.ts";
