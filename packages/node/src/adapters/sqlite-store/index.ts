export {
  checkDataFiles,
  copyDataFiles,
  keptTokens,
} from "./data-files.ts";
export { lockDirectory, makePrivateDirectory } from "./data-directory.ts";
export {
  joinSqliteStore,
  openSqliteStore,
  SqliteStore,
  type SqliteStoreOptions,
  type StorePorts,
} from "./sqlite-store.ts";
export { type StorageFigures, storageFigures } from "./storage-figures.ts";
export { storageError } from "./storage-error.ts";
