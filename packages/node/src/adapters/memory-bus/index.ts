export { createMemoryBuses } from "./memory-bus.ts";
