import { MyelinError } from "@myelin/core/errors";

/** Path of a node's WebSocket when the address names none. */
const defaultPath = "/myelin";

/** Where an address leads. */
export type Endpoint =
  | { readonly kind: "websocket"; readonly url: string }
  /** `path` begins with a zero byte for a name in Linux's abstract namespace. */
  | { readonly kind: "unix"; readonly path: string };

/**
 * Reads a node's address: `ws:` and `wss:` (also written `http:` and `https:`), with the path `/myelin`
 * where there is none, or `unix:/path` and `unix:@abstract-name`.
 * @throws MyelinError INVALID_ARGUMENT
 */
export function endpointOf(address: string): Endpoint {
  if (address.startsWith("unix:")) {
    const path = address.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    if (path.length > 1) return { kind: "unix", path: path.replace(/^@/, "\0") };
    throw unfit(address);
  }
  const url = URL.parse(address);
  if (url === null || !/^(?:ws|http)s?:$/.test(url.protocol)) throw unfit(address);
  url.protocol = url.protocol.replace("http", "ws");
  if (url.pathname === "/") url.pathname = defaultPath;
  url.hash = "";
  return { kind: "websocket", url: url.href };
}

function unfit(address: string): MyelinError {
  return new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(address)} is no address of a node`, {
    hint: "Write ws://host:port, wss://host:port or unix:/path/to/socket.",
  });
}
