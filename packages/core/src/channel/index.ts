export type { Channel, ChannelEnd, ChannelHandler, Dial, DialOptions } from "./channel.ts";
export { encodedChannel } from "./encoded-channel.ts";
export { memoryChannel, type MemoryChannelOptions } from "./memory-channel.ts";
