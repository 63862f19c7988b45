import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { MyelinError } from "@myelin/core/errors";
import {
  encodingNamed,
  encodingNames,
  encodingOfSubprotocol,
  subprotocolOf,
} from "@myelin/core/wire";
import { WebSocketServer } from "ws";
import type { Clock } from "../../ports/clock.ts";
import type { AcceptChannel, PeerInfo } from "../../ports/transport.ts";
import { isLoopbackAddress, unmapped } from "./address.ts";
import { endAfterLinger } from "./linger.ts";
import { type OriginPolicy, checkOrigin } from "./origin.ts";
import { errorResponse, respondRaw } from "./respond.ts";
import { WebSocketChannel } from "./websocket-channel.ts";

/** A caller that is silent for longer than this, in milliseconds, is asked by TCP whether it is still there. */
const keepAliveMs = 30_000;
const paths: readonly string[] = ["/", "/myelin"];

/** What the upgrade of a request to a channel needs. */
export interface UpgradeOptions {
  readonly policy: OriginPolicy;
  readonly maxFrameBytes: number;
  readonly clock: Clock;
  /** Tells that the socket has become a channel's. */
  readonly onUpgraded: (socket: Duplex) => void;
}

/** Takes a request that asks for a WebSocket; refuses in the error shape or makes it a channel. */
export type Upgrade = (
  accept: AcceptChannel,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
) => void;

export function createUpgrade(options: UpgradeOptions): Upgrade {
  const { policy, clock } = options;
  // Not all of these are in the library's published types.
  const settings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: options.maxFrameBytes,
    closeTimeout: 1000,
    maxFragments: 1024,
    maxBufferedChunks: 64 * 1024,
    // `checkHandshake` has seen to it that one of them is spoken; the caller's order counts.
    handleProtocols: (offered: Set<string>) =>
      offered.values().find((name) => encodingOfSubprotocol(name) !== undefined) ?? false,
  };
  const server = new WebSocketServer(settings);
  const refuse = (socket: Duplex, thrown: unknown): void => {
    respondRaw(socket, errorResponse(thrown), { "sec-websocket-version": "13" });
    endAfterLinger(socket, clock);
  };
  server.on("wsClientError", (error, socket) => {
    refuse(
      socket,
      new MyelinError("INVALID_ARGUMENT", `the WebSocket handshake is malformed: ${error.message}`),
    );
  });

  return (accept, request, socket, head) => {
    try {
      checkOrigin(policy, request.headers);
      checkHandshake(request);
    } catch (error) {
      refuse(socket, error);
      return;
    }
    server.handleUpgrade(request, socket, head, (webSocket) => {
      options.onUpgraded(socket);
      // The socket of a request that came over TCP is a net.Socket.
      const stream = socket as Socket;
      const encoding = encodingNamed(encodingOfSubprotocol(webSocket.protocol));
      // Who types need not say anything for long; who is gone without a word must still be noticed.
      if (encoding.isText) stream.setKeepAlive(true, keepAliveMs);
      const channel = new WebSocketChannel(webSocket, stream, clock, encoding);
      channel.attach(accept(channel, peerOf(request)));
    });
  };
}

/** @throws MyelinError NOT_FOUND or UNSUPPORTED_VERSION */
function checkHandshake(request: IncomingMessage): void {
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  if (!paths.includes(path)) {
    throw new MyelinError(
      "NOT_FOUND",
      `there is no WebSocket at ${JSON.stringify(path.slice(0, 80))}`,
      {
        hint: `Connect to ${paths.join(" or ")}.`,
      },
    );
  }
  const header = request.headers["sec-websocket-protocol"];
  if (header === undefined) return;
  const offered = header.split(",").map((name) => name.trim());
  if (offered.some((name) => encodingOfSubprotocol(name) !== undefined)) return;
  const spoken = encodingNames.map(subprotocolOf);
  throw new MyelinError(
    "UNSUPPORTED_VERSION",
    "none of the WebSocket subprotocols offered is spoken here",
    {
      hint: `Offer ${spoken.join(" or ")}, or none for the first of them.`,
      details: { spoken },
    },
  );
}

function peerOf(request: IncomingMessage): PeerInfo {
  const address = unmapped(request.socket.remoteAddress ?? "");
  const token = bearerToken(request.headers.authorization);
  return {
    transport: "websocket",
    address: `${address}:${request.socket.remotePort ?? 0}`,
    isLoopback: isLoopbackAddress(address),
    ...(token === undefined ? {} : { token }),
  };
}

function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
}
