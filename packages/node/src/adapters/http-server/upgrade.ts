import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ErrorCode, MyelinError } from "@myelin/core/errors";
import {
  encodingNamed,
  encodingNames,
  encodingOfSubprotocol,
  subprotocolOf,
} from "@myelin/core/wire";
import { BytePool } from "../../bytes/index.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AcceptChannel, PeerInfo } from "../../ports/transport.ts";
import { SocketReader } from "../socket-reader/index.ts";
import { acceptOf, isKey } from "../websocket/index.ts";
import { isLoopbackAddress, unmapped } from "./address.ts";
import { endAfterLinger } from "./linger.ts";
import { type OriginPolicy, checkOrigin } from "./origin.ts";
import { errorResponse, respondRaw } from "./respond.ts";
import { WebSocketChannel, type WebSocketGround } from "./websocket-channel.ts";

/** A caller that is silent for longer than this, in milliseconds, is asked by TCP whether it is still there. */
const keepAliveMs = 30_000;
const paths: readonly string[] = ["/", "/myelin"];

/** What the upgrade of a request to a channel needs. */
export interface UpgradeOptions {
  readonly policy: OriginPolicy;
  readonly maxFrameBytes: number;
  readonly clock: Clock;
  /** Tells that the socket has become a channel's, and that it has closed. */
  readonly onUpgraded: (socket: Duplex) => void;
  readonly onChannelGone: (socket: Duplex) => void;
  /** Where agents connect, when it is not here: then nothing becomes a channel. */
  readonly agentsAt?: () => string;
  /** Told of each handshake that was refused, with the code of why. */
  readonly onRefused: (code: ErrorCode) => void;
}

/** Takes a request that asks for a WebSocket; refuses in the error shape or makes it a channel. */
export type Upgrade = (
  accept: AcceptChannel,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
) => void;

export function createUpgrade(options: UpgradeOptions): Upgrade {
  const { policy, clock, maxFrameBytes } = options;
  const ground: WebSocketGround = {
    clock,
    reader: new SocketReader(),
    onGone: options.onChannelGone,
    receiving: { maxMessageBytes: maxFrameBytes, pool: new BytePool() },
  };
  const refuse = (socket: Duplex, thrown: unknown): void => {
    options.onRefused(MyelinError.from(thrown).code);
    respondRaw(socket, errorResponse(thrown), { "sec-websocket-version": "13" });
    endAfterLinger(socket, clock);
  };

  return (accept, request, socket, head) => {
    try {
      checkOrigin(policy, request.headers);
      if (options.agentsAt !== undefined) throw elsewhere(options.agentsAt());
      checkHandshake(request);
    } catch (error) {
      refuse(socket, error);
      return;
    }
    if (!socket.writable || !socket.readable) {
      socket.destroy();
      return;
    }
    options.onUpgraded(socket);
    // The socket of a request that came over TCP is a net.Socket.
    const stream = socket as Socket;
    stream.setTimeout(0);
    const subprotocol = offeredBy(request).find(isSpoken);
    const encoding = encodingNamed(encodingOfSubprotocol(subprotocol ?? ""));
    // Who types need not say anything for long; who is gone without a word must still be noticed.
    if (encoding.isText) stream.setKeepAlive(true, keepAliveMs);
    stream.write(switching(request.headers["sec-websocket-key"] ?? "", subprotocol));
    if (head.length > 0) stream.unshift(head);
    const channel = new WebSocketChannel(stream, encoding, ground);
    channel.attach(accept(channel, peerOf(request)));
  };
}

/** The answer to a handshake that holds (RFC 6455, section 4.2.2). */
function switching(key: string, subprotocol: string | undefined): string {
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function elsewhere(agentsAt: string): MyelinError {
  const message = `agents connect to ${agentsAt}; this listener has the API only`;
  return new MyelinError("NOT_FOUND", message, {
    hint: "Give the agent that address (MYELIN_URL).",
  });
}

/** @throws MyelinError NOT_FOUND, INVALID_ARGUMENT or UNSUPPORTED_VERSION */
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
  checkForm(request);
  const offered = offeredBy(request);
  if (offered.length === 0 || offered.some(isSpoken)) return;
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

/** @throws MyelinError INVALID_ARGUMENT or UNSUPPORTED_VERSION */
function checkForm({ method, headers }: IncomingMessage): void {
  const malformed = (message: string): MyelinError =>
    new MyelinError("INVALID_ARGUMENT", `the WebSocket handshake is malformed: ${message}`);
  if (method !== "GET") throw malformed("it must be a GET");
  if (!isKey(headers["sec-websocket-key"] ?? ""))
    throw malformed("Sec-WebSocket-Key must be 16 bytes in base64");
  const version = headers["sec-websocket-version"];
  if (version === "13") return;
  throw new MyelinError(
    "UNSUPPORTED_VERSION",
    `WebSocket version ${version ?? "none"} is not spoken here`,
    {
      hint: "Speak version 13.",
    },
  );
}

/** The subprotocols that the caller would speak, the one it likes best first. */
function offeredBy({ headers }: IncomingMessage): readonly string[] {
  const header = headers["sec-websocket-protocol"];
  return header === undefined ? [] : header.split(",").map((name) => name.trim());
}

function isSpoken(subprotocol: string): boolean {
  return encodingOfSubprotocol(subprotocol) !== undefined;
}

function peerOf(request: IncomingMessage): PeerInfo {
  const address = unmapped(request.socket.remoteAddress ?? "");
  const token = bearerToken(request.headers.authorization);
  return {
    transport: "websocket",
    // Joined, a text is in one piece, and takes a third of what a template's pieces do.
    address: [address, request.socket.remotePort ?? 0].join(":"),
    isLoopback: isLoopbackAddress(address),
    host: URL.parse(`http://${request.headers.host}`)?.hostname ?? "",
    ...(token === undefined ? {} : { token }),
  };
}

function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
}
