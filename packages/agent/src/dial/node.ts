import type { Dial } from "@myelin/core/channel";
import { failedChannel } from "./failed-channel.ts";
import { dialUnix } from "./node-unix.ts";
import { dialWebSocket } from "./node-websocket.ts";
import { endpointOf } from "./url.ts";

/** Opens a channel to a node from Node.js: WebSocket or Unix socket, by the address. */
export const dial: Dial = (url, handler, options) => {
  try {
    const endpoint = endpointOf(url);
    return endpoint.kind === "unix"
      ? dialUnix(endpoint.path, handler, options)
      : dialWebSocket(endpoint.url, handler, options);
  } catch (thrown) {
    return failedChannel(thrown, handler);
  }
};
