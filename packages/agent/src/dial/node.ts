import type { Dial } from "@myelin/core/channel";
import { failedChannel } from "./failed-channel.ts";
import { dialUnix } from "./node-unix.ts";
import { dialWebSocket } from "./node-websocket.ts";
import { readTlsFiles, type TlsFileNames } from "./node-tls-files.ts";
import { endpointOf } from "./url.ts";

/** Opens channels to a node from Node.js: WebSocket or Unix socket, by the address. */
export function dialWith(tls: TlsFileNames): Dial {
  return (url, handler, options) => {
    try {
      const endpoint = endpointOf(url);
      if (endpoint.kind === "unix") return dialUnix(endpoint.path, handler, options);
      const isSecure = endpoint.url.startsWith("wss:");
      return dialWebSocket(endpoint.url, handler, options, isSecure ? readTlsFiles(tls) : {});
    } catch (thrown) {
      return failedChannel(thrown, handler);
    }
  };
}
