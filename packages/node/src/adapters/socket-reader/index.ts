/** Reads sockets into one buffer that all of them share. */
export { type ChunkReceiver, SocketReader } from "./socket-reader.ts";
