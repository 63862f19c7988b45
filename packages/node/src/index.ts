export {
  backupOfDirectory,
  type Manifest,
  type Restored,
  restoreBackup,
  type RestoreOptions,
  verifyBackup,
} from "./adapters/backup/index.ts";
export {
  type Backtest,
  type BacktestFiring,
  type BreakerTurn,
  type Difference,
  type RecordedData,
  type RuleFigures,
  runBacktest,
} from "./backtest/index.ts";
export { createLog, type LogOptions } from "./adapters/log/index.ts";
export { damageOfLogs, logBytes } from "./adapters/file-log/index.ts";
export { readRecording } from "./adapters/recordings/index.ts";
export { checkDataFiles } from "./adapters/sqlite-store/index.ts";
export { crashFilesIn } from "./adapters/run/index.ts";
export { tarGz } from "./adapters/tar/index.ts";
export type { TraceOptions } from "./adapters/traces/index.ts";
export type { NodeDescription, NodeProfile } from "./description.ts";
export {
  embedNode,
  type EmbeddedNode,
  type EmbedOptions,
  findProblems,
  type NodeOptions,
  type RunningNode,
  startNode,
} from "./main.ts";
export { defaultLimits, type NodeLimits } from "./limits.ts";
export { defaultSessionSettings, type SessionSettings } from "./session/index.ts";
export {
  type Excerpt,
  type ExcerptRow,
  type Failure,
  runRuleTest,
  type RuleTestOutcome,
} from "./rule-tests/index.ts";
export { nodeVersion } from "./version.ts";
