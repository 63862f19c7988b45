import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { MyelinError } from "@myelin/core/errors";
import type { Clock } from "../../ports/clock.ts";
import type { AcceptChannel, HttpHandler, Transport } from "../../ports/transport.ts";
import { authorityOf, isWildcard } from "./address.ts";
import { Connections } from "./connections.ts";
import { type ExchangeOptions, exchange, tooManyRequests } from "./exchange.ts";
import type { OriginPolicy } from "./origin.ts";
import { createServer, createTlsServer } from "./node-http.ts";
import { errorResponse, respond } from "./respond.ts";
import type { TlsFiles, TlsMaterial } from "./tls-files.ts";
import { createUpgrade } from "./upgrade.ts";

/** Where the node listens on TCP, to whom, and within which bounds. */
export interface HttpServerOptions {
  /** Address or name to listen on, such as `127.0.0.1`. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Origins, such as `https://console.example`, whose pages may call besides the node's own. */
  readonly allowedOrigins?: readonly string[];
  /** Names, without port, under which the node is called besides its address and `localhost`. */
  readonly allowedHosts?: readonly string[];
  readonly maxBodyBytes: number;
  /** A longer frame ends its channel with PAYLOAD_TOO_LARGE. */
  readonly maxFrameBytes: number;
  /** HTTP connections and channels together. */
  readonly maxConnections: number;
  /** A request must be whole by then; 15 s unless given. */
  readonly requestWithinUs?: number;
  /** Answers under way at `close` must be done by then; 5 s unless given. */
  readonly closeWithinUs?: number;
  readonly clock: Clock;
  readonly handler: HttpHandler;
  /** Told the status of each answer, refusals of connections and of malformed requests included. */
  readonly onAnswer?: (status: number) => void;
  /** Speaks TLS with these; plain unless given. */
  readonly tls?: TlsFiles;
  /** False for a port of HTTP alone, where no agent connects; true unless given. */
  readonly hasChannels?: boolean;
}

/** The node's TCP port: a transport for channels over WebSocket, and HTTP for everything else. */
export interface HttpServer extends Transport {
  /** The port listened on; the real one once `listen` has resolved. */
  readonly port: number;
  /** `http://…`, as a browser or curl calls it. */
  readonly httpUrl: string;
}

/** Bodies held at once, as a multiple of the largest one. */
const bodiesHeldAtOnce = 32;
/** Connections beyond the bound that may be within their TLS handshake, and how long one may take. */
const maxHandshakes = 256;
const handshakeWithinMs = 10_000;

/** One TCP port for HTTP/1.1 and WebSocket (at `/` and `/myelin`, in every encoding as a subprotocol). */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { clock, host } = options;
  const requestWithinMs = Math.ceil((options.requestWithinUs ?? 15e6) / 1e3);
  const policy: OriginPolicy = {
    host,
    allowedHosts: options.allowedHosts ?? [],
    allowedOrigins: options.allowedOrigins ?? [],
  };
  const { onAnswer = () => undefined } = options;
  const connections = new Connections(options.maxConnections, clock, onAnswer);
  const upgrade = createUpgrade({
    policy,
    maxFrameBytes: options.maxFrameBytes,
    clock,
    onUpgraded: (socket) => connections.becomeChannel(socket),
  });
  const bodies = { heldBytes: 0, maxBytes: bodiesHeldAtOnce * options.maxBodyBytes };
  let closed: Promise<void> | undefined;
  let port = options.port;

  const exchangeOptions: ExchangeOptions = {
    policy,
    maxBodyBytes: options.maxBodyBytes,
    bodies,
    clock,
    handler: options.handler,
    onAnswer,
    isLast: () => closed !== undefined,
  };
  const hasChannels = options.hasChannels ?? true;
  const server = makeServer(
    options,
    {
      headersTimeout: requestWithinMs,
      requestTimeout: requestWithinMs,
      connectionsCheckingInterval: Math.min(requestWithinMs, 1000),
      noDelay: true,
      joinDuplicateHeaders: true,
      requireHostHeader: false,
      shouldUpgradeCallback: (request) =>
        hasChannels && request.headers.upgrade?.toLowerCase() === "websocket",
    },
    (request: IncomingMessage, response: ServerResponse) => {
      if (connections.begin(request.socket, response)) {
        void exchange(exchangeOptions, request, response);
      } else {
        const answer = errorResponse(tooManyRequests());
        onAnswer(answer.status);
        respond(response, answer, { connection: "close" });
        response.end();
      }
    },
  );
  admitThrough(server, connections, options.tls === undefined ? "connection" : "secureConnection");
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    onClientError(connections, error, socket, requestWithinMs);
  });

  const stopTls = options.tls === undefined ? () => undefined : renewed(server, options.tls);

  async function listen(accept: AcceptChannel): Promise<void> {
    if (server.listening) throw new MyelinError("CONFLICT", `already listening on ${authority()}`);
    server.on("upgrade", (request, socket, head) => upgrade(accept, request, socket, head));
    await listenOn(server, host, options.port);
    // An accept that fails, say for want of file descriptors, concerns that caller only.
    server.on("error", () => {});
    const address = server.address();
    if (typeof address === "object" && address !== null) port = address.port;
  }

  function close(): Promise<void> {
    if (closed === undefined) {
      // The server's own close waits for every channel; those belong to their owners.
      server.close();
      stopTls();
      closed = connections.drain(options.closeWithinUs ?? 5e6);
    }
    return closed;
  }

  const authority = (): string => authorityOf(isWildcard(host) ? "127.0.0.1" : host, port);
  return {
    listen,
    close,
    get url(): string {
      return `${options.tls === undefined ? "ws" : "wss"}://${authority()}`;
    },
    get httpUrl(): string {
      return `${options.tls === undefined ? "http" : "https"}://${authority()}`;
    },
    get port(): number {
      return port;
    },
  };
}

/** One for TLS, or one for plain HTTP: from the connection on everything is the same. */
function makeServer(
  { tls, maxConnections }: HttpServerOptions,
  http: ServerOptions,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server | TlsServer {
  if (tls === undefined) return createServer(http, listener);
  const hasClientCa = tls.material.clientCa !== undefined;
  const server = createTlsServer(
    {
      ...http,
      ...contextOf(tls.material),
      requestCert: hasClientCa,
      rejectUnauthorized: hasClientCa,
      handshakeTimeout: handshakeWithinMs,
    },
    listener,
  );
  server.maxConnections = maxConnections + maxHandshakes;
  return server;
}

function contextOf({ cert, key, clientCa }: TlsMaterial) {
  return {
    cert,
    key,
    minVersion: "TLSv1.2",
    ...(clientCa === undefined ? {} : { ca: clientCa }),
  } as const;
}

/** Takes new certificates for new connections; returns what ends that. */
function renewed(server: Server | TlsServer, tls: TlsFiles): () => void {
  return tls.listen({
    onChange: (material) => {
      if ("setSecureContext" in server) server.setSecureContext(contextOf(material));
    },
    onUnfit: () => undefined,
  });
}

/** Puts the bound on connections before HTTP; what tells other protocols by their first bytes belongs here too. */
function admitThrough(
  server: Server | TlsServer,
  connections: Connections,
  event: "connection" | "secureConnection",
): void {
  if (event === "secureConnection")
    server.on("connection", (socket) => connections.handshake(socket));
  const listeners = server.listeners(event);
  server.removeAllListeners(event);
  server.on(event, (socket: Socket) => {
    if (!connections.admit(socket)) return;
    for (const attach of listeners) attach.call(server, socket);
  });
}

function onClientError(
  connections: Connections,
  error: NodeJS.ErrnoException,
  socket: Duplex,
  requestWithinMs: number,
): void {
  if (connections.isRefused(socket)) return;
  if (!connections.has(socket) || !socket.writable || connections.isAnswering(socket)) {
    socket.destroy();
    return;
  }
  connections.refuse(socket, errorOfRequest(error, requestWithinMs));
}

function errorOfRequest(error: NodeJS.ErrnoException, requestWithinMs: number): MyelinError {
  if (error.code === "HPE_HEADER_OVERFLOW" || error.code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") {
    return new MyelinError("PAYLOAD_TOO_LARGE", "the request's headers are too large", {
      cause: error,
    });
  }
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    const message = `the request was not whole within ${requestWithinMs} ms`;
    return new MyelinError("INVALID_ARGUMENT", message, { cause: error });
  }
  return new MyelinError("INVALID_ARGUMENT", `this is not an HTTP request: ${error.message}`, {
    cause: error,
  });
}

/** @throws MyelinError ADDRESS_IN_USE, PERMISSION_DENIED or INVALID_ARGUMENT */
async function listenOn(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  try {
    server.listen(port, host, resolve);
    await promise;
  } catch (error) {
    throw listenError(error, host, port);
  } finally {
    server.off("error", reject);
  }
}

function listenError(error: unknown, host: string, port: number): MyelinError {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const details = { host, port };
  if (code === "EADDRINUSE") {
    return new MyelinError(
      "ADDRESS_IN_USE",
      `port ${port} of ${host} is taken by another process`,
      { details },
    );
  }
  if (code === "EACCES" || code === "EPERM") {
    return new MyelinError(
      "PERMISSION_DENIED",
      `this user may not listen on port ${port} of ${host}`,
      {
        hint: "Choose a port above 1023.",
        details,
        cause: error,
      },
    );
  }
  return new MyelinError("INVALID_ARGUMENT", `cannot listen on port ${port} of ${host} (${code})`, {
    hint: "Give an address of this machine and a port from 0 to 65535.",
    details,
    cause: error,
  });
}
