/** Memory that is used again instead of being left to the collector. */
export { BytePool } from "./byte-pool.ts";
