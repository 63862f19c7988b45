export { damageOfLogs, FileLog, type FileLogOptions } from "./file-log.ts";
export { dropOtherFolders, logBytes, logFolder } from "./folders.ts";
