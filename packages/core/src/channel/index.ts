export type { Channel, ChannelEnd, ChannelHandler, Dial } from "./channel.ts";
export { memoryChannel } from "./memory-channel.ts";
