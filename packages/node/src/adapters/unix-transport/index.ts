export { type UnixTransportOptions, createUnixTransport } from "./unix-transport.ts";
