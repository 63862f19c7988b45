export type { OpenIntake, SessionIntake } from "./intake.ts";
export type { Attachment, SessionListener } from "./listener.ts";
export type { PartSession, SessionState } from "./part-session.ts";
export { defaultSessionSettings, type NodeIdentity, type SessionSettings } from "./settings.ts";
export { SessionStation, type SessionStationOptions } from "./station.ts";
