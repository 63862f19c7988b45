/** The engine in virtual time, for tests of rules and for recordings. */
export { type Part, parts, ReplayedEngine } from "./replayed-engine.ts";
