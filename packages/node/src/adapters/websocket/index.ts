/** The WebSocket protocol (RFC 6455) as a server speaks it, without extensions. */
export { acceptOf, isKey } from "./handshake.ts";
export { WebSocketFault } from "./fault.ts";
export { type MessageReader, Receiver, type ReceiverOptions } from "./receiver.ts";
export { closeFrame, headerBytes, opcodes, pongFrame, writeHeader } from "./sending.ts";
