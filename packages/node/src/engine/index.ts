/** The engine: keyed state and rules over it, without I/O or a clock of its own. */
export type { EngineCounters } from "./counters.ts";
export { Engine, type EngineOptions, type InstructionEnd } from "./engine.ts";
export { PastEpisodes, type Reinstatement } from "./past-episodes.ts";
export type { EngineHooks, Firing } from "./firing.ts";
export type { DivisionShares } from "./fleet/index.ts";
export type {
  AppliedUntil,
  HistoryLayout,
  HistoryRecord,
  LineTime,
  PartTime,
  TakingUp,
} from "./histories.ts";
export { isSameJson } from "./twin-change.ts";
export type { PendingChange } from "./pending-cells.ts";
export type { RuleVersion } from "./rule-runtime.ts";
export { WordReader, WordWriter } from "./words.ts";
export type { AgentRuleState, LatestSample, RuleStatus } from "./views.ts";
export { Histories } from "./histories.ts";
