/** Reads sockets into one buffer that all of them share. */
export { SocketReader } from "./socket-reader.ts";
