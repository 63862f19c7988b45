export {
  documentOf,
  nodeDurationUs,
  placedTimes,
  type StageDurations,
  stageDurations,
} from "./document.ts";
export {
  type Instruction,
  type InstructionEpisode,
  isEnded,
  type Recipient,
  type ShedReason,
  type StageTimes,
  unknownStageTimes,
  wasSent,
} from "./instruction.ts";
export { parseTraceParent, type TraceParent } from "./trace-parent.ts";
