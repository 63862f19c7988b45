export {
  damageOfLogs,
  FileLog,
  type FileLogOptions,
  readSegments,
  type SegmentContent,
} from "./file-log.ts";
export { dropOtherFolders, logBytes, logFolder, type LogKind } from "./folders.ts";
