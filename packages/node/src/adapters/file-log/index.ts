export { FileLog, type FileLogOptions } from "./file-log.ts";
export { dropOtherFolders, logFolder } from "./folders.ts";
