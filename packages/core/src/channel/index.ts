export type { Channel, ChannelEnd, ChannelHandler, Dial } from "./channel.ts";
export { memoryChannel, type MemoryChannelOptions } from "./memory-channel.ts";
