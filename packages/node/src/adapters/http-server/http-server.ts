import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ErrorCode, MyelinError } from "@myelin/core/errors";
import { defaultHttpBounds, type HttpBounds } from "../../ports/bounds.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AcceptChannel, HttpHandler, Transport } from "../../ports/transport.ts";
import { authorityOf, isWildcard } from "./address.ts";
import { Connections } from "./connections.ts";
import { type ExchangeOptions, exchange, tooManyRequests } from "./exchange.ts";
import type { OriginPolicy } from "./origin.ts";
import { createServer, createTlsServer } from "./node-http.ts";
import { listenOn } from "./listen.ts";
import { errorResponse, respond } from "./respond.ts";
import type { TlsFiles, TlsMaterial } from "./tls-files.ts";
import { createUpgrade } from "./upgrade.ts";

/** Where the node listens on TCP, to whom, and within which bounds. */
export interface HttpServerOptions
  extends Partial<Omit<HttpBounds, "maxSockets" | "maxBodyBytes">> {
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
  /** Answers under way at `close` must be done by then; 5 s unless given. */
  readonly closeWithinUs?: number;
  readonly clock: Clock;
  readonly handler: HttpHandler;
  /** Told the status of each answer, refusals of connections and of malformed requests included. */
  readonly onAnswer?: (status: number) => void;
  /** Told of each connection and each handshake of a WebSocket that was refused, with the code of why. */
  readonly onRefused?: (what: "http" | "websocket", code: ErrorCode) => void;
  /** Speaks TLS with these; plain unless given. */
  readonly tls?: TlsFiles;
  /** For a port of HTTP alone: where agents connect instead, as they are told. */
  readonly agentsAt?: () => string;
}

/** The node's TCP port: a transport for channels over WebSocket, and HTTP for everything else. */
export interface HttpServer extends Transport {
  /** The port listened on; the real one once `listen` has resolved. */
  readonly port: number;
  /** `http://…`, as a browser or curl calls it. */
  readonly httpUrl: string;
}

/** One TCP port for HTTP/1.1 and WebSocket (at `/` and `/myelin`, in every encoding as a subprotocol). */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new TcpServer(options);
}

class TcpServer implements HttpServer {
  readonly #options: HttpServerOptions;
  readonly #policy: OriginPolicy;
  readonly #requestWithinMs: number;
  readonly #connections: Connections;
  readonly #exchange: ExchangeOptions;
  readonly #server: Server | TlsServer;
  readonly #stopTls: () => void;
  #port: number;
  #closed: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    const { clock, host, maxBodyBytes, handler, tls } = options;
    const { onAnswer = () => undefined, onRefused = () => undefined } = options;
    const bounds = { ...defaultHttpBounds, ...options };
    this.#options = options;
    this.#port = options.port;
    this.#requestWithinMs = Math.ceil(bounds.requestWithinUs / 1e3);
    this.#policy = {
      host,
      allowedHosts: options.allowedHosts ?? [],
      allowedOrigins: options.allowedOrigins ?? [],
    };
    const { maxConnections, maxPipelined } = bounds;
    this.#connections = new Connections({
      maxConnections,
      maxPipelined,
      clock,
      onAnswer,
      onRefused: (code) => onRefused("http", code),
    });
    this.#exchange = {
      policy: this.#policy,
      maxBodyBytes,
      bodies: { heldBytes: 0, maxBytes: bounds.maxHeldBodiesBytes },
      clock,
      handler,
      onAnswer,
      isLast: () => this.#closed !== undefined,
    };
    this.#server = makeServer(bounds, this.#settings(), (request, response) =>
      this.#onRequest(request, response),
    );
    const event = tls === undefined ? "connection" : "secureConnection";
    admitThrough(this.#server, this.#connections, event);
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) =>
      onClientError(this.#connections, error, socket, this.#requestWithinMs),
    );
    this.#stopTls = tls === undefined ? () => undefined : renewed(this.#server, tls);
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `${this.#options.tls === undefined ? "ws" : "wss"}://${this.#authority()}`;
  }

  get httpUrl(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://${this.#authority()}`;
  }

  async listen(accept: AcceptChannel): Promise<void> {
    const { host, port, clock, maxFrameBytes, agentsAt } = this.#options;
    const { onRefused = () => undefined } = this.#options;
    const server = this.#server;
    if (server.listening)
      throw new MyelinError("CONFLICT", `already listening on ${this.#authority()}`);
    const upgrade = createUpgrade({
      policy: this.#policy,
      maxFrameBytes,
      clock,
      onUpgraded: (socket) => this.#connections.becomeChannel(socket),
      onRefused: (code) => onRefused("websocket", code),
      onChannelGone: (socket) => this.#connections.channelGone(socket),
      ...(agentsAt === undefined ? {} : { agentsAt }),
    });
    server.on("upgrade", (request, socket, head) => upgrade(accept, request, socket, head));
    await listenOn(server, host, port);
    // An accept that fails, say for want of file descriptors, concerns that caller only.
    server.on("error", () => onRefused("http", "UNAVAILABLE"));
    const address = server.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      // The server's own close waits for every channel; those belong to their owners.
      this.#server.close();
      this.#stopTls();
      this.#closed = this.#connections.drain(this.#options.closeWithinUs ?? 5e6);
    }
    return this.#closed;
  }

  #settings(): ServerOptions {
    const requestWithinMs = this.#requestWithinMs;
    return {
      headersTimeout: requestWithinMs,
      requestTimeout: requestWithinMs,
      maxHeaderSize: this.#options.maxHeaderBytes ?? defaultHttpBounds.maxHeaderBytes,
      connectionsCheckingInterval: Math.min(requestWithinMs, 1000),
      noDelay: true,
      joinDuplicateHeaders: true,
      requireHostHeader: false,
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === "websocket",
    };
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (this.#connections.begin(request.socket, response)) {
      void exchange(this.#exchange, request, response);
      return;
    }
    const answer = errorResponse(tooManyRequests());
    this.#exchange.onAnswer(answer.status);
    respond(response, answer, { connection: "close" });
    response.end();
  }

  #authority(): string {
    const { host } = this.#options;
    return authorityOf(isWildcard(host) ? "127.0.0.1" : host, this.#port);
  }
}

/** One for TLS, or one for plain HTTP: from the connection on everything is the same. */
function makeServer(
  { tls, maxConnections, maxHandshakes, handshakeWithinUs }: HttpServerOptions & HttpBounds,
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
      handshakeTimeout: Math.ceil(handshakeWithinUs / 1e3),
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
