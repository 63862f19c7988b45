export { checkDataFiles, copyDataFiles, keptTokens } from "./data-files.ts";
export { lockDirectory, makePrivateDirectory } from "./data-directory.ts";
export {
  joinSqliteStore,
  openSqliteStore,
  type SqliteStore,
  type SqliteStoreOptions,
  type StorePorts,
} from "./sqlite-store.ts";
export { storageError } from "./storage-error.ts";
