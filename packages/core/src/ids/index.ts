export {
  type ActionName,
  type AgentId,
  type Incarnation,
  type InstructionId,
  type MetricName,
  type PartName,
  type RuleName,
  type SessionId,
  parseActionName,
  parseAgentId,
  parseIncarnation,
  parseInstructionId,
  parseMetricName,
  parsePartName,
  parseRuleName,
  parseSessionId,
} from "./ids.ts";
export { type EpisodeKey, instructionIdOf } from "./instruction-id.ts";
