export type { OpenIntake, SessionIntake } from "./intake.ts";
export type { PartSession, SessionState } from "./part-session.ts";
export { defaultSessionSettings, type NodeIdentity, type SessionSettings } from "./settings.ts";
export { type SessionListener, SessionStation, type SessionStationOptions } from "./station.ts";
