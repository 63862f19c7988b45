export { createMemoryDisk, type MemoryDisk } from "./memory-disk.ts";
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from "./memory-store.ts";
