/** Backups of a data directory, and their way back. */
export { backupOfDirectory, StoreBackups, verifyBackup } from "./backup.ts";
export type { Manifest } from "./manifest.ts";
export { type Restored, restoreBackup, type RestoreOptions } from "./restore.ts";
