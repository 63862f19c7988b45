export { createMemoryDisk, type MemoryDisk, type MemoryDiskFaults } from "./memory-disk.ts";
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from "./memory-store.ts";
