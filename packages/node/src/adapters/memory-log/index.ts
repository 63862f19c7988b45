export { createMemoryLogDisk, MemoryLog, type MemoryLogDisk } from "./memory-log.ts";
