export type { BackoffOptions } from "./backoff.ts";
export { Connection } from "./connection.ts";
export type { Identity } from "./greeting.ts";
export { Outbox } from "./outbox.ts";
export type { AgentStatus } from "./status.ts";
export { Vouches } from "./vouches.ts";
export { type ConnectOptions, whenLive } from "./when-live.ts";
