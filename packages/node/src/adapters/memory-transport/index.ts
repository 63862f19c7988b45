export {
  type MemoryTransport,
  type MemoryTransportOptions,
  createMemoryTransport,
} from "./memory-transport.ts";
