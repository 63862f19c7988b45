export type { Channel, ChannelEnd, ChannelHandler, Dial, DialOptions } from "./channel.ts";
export { encodedChannel } from "./encoded-channel.ts";
export { type Buffers, FrameParser, prefixBytes, prefixed, writePrefix } from "./frame-parser.ts";
export { memoryChannel, type MemoryChannelOptions } from "./memory-channel.ts";
