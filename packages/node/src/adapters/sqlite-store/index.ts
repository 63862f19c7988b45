export { checkDataFiles, copyDataFiles, keptTokens } from "./data-files.ts";
export { lockDirectory, makePrivateDirectory } from "./data-directory.ts";
export { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from "./sqlite-store.ts";
export { storageError } from "./storage-error.ts";
