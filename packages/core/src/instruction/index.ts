export { formatTime } from "./format-time.ts";
export {
  type InstructionDocument,
  type InstructionStatus,
  type StageName,
  instructionStatuses,
  isEnded,
  isInstructionStatus,
  mayTryAgain,
  stageNames,
} from "./instruction.ts";
export { parseTime } from "./time.ts";
