export { createMemoryFetch, type MemoryFetchOptions } from "./memory-fetch.ts";
