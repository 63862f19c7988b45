import type { Channel, ChannelHandler } from "@myelin/core/channel";

/** Who is at the other end of an accepted channel, as far as the transport can tell. */
export interface PeerInfo {
  readonly transport: "websocket" | "unix" | "memory";
  /** The peer's network address, or where it came in, for people to read. */
  readonly address: string;
  /** True when the peer runs on this machine. */
  readonly isLoopback: boolean;
  /** The name or address by which it called this one, as a URL bears it; where the transport has one. */
  readonly host?: string;
  /** The bearer token of the Authorization header, where the transport has one and it was given. */
  readonly token?: string;
}

/** Takes an accepted channel and says who listens to it. The channel is open when this is called. */
export type AcceptChannel = (channel: Channel, peer: PeerInfo) => ChannelHandler;

/** A way for agents to reach the node. It turns bytes into frames and knows no agents. */
export interface Transport {
  /**
   * Begins to accept channels.
   * @throws MyelinError ADDRESS_IN_USE, INVALID_ARGUMENT, PERMISSION_DENIED or UNAVAILABLE
   */
  listen(accept: AcceptChannel): Promise<void>;
  /** The address as an agent dials it; with the real port once `listen` has resolved. */
  readonly url: string;
  /** Stops accepting. Channels that are open stay until their owners close them. */
  close(): Promise<void>;
}

/** One HTTP request, whole. */
export interface HttpRequest {
  readonly method: string;
  /** Path without the query, percent-decoding not applied. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Header values by lower-case name; repeated headers joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The caller's network address. */
  readonly remoteAddress: string;
  readonly isLoopback: boolean;
  /** Aborted when the caller has gone before it was answered. */
  readonly signal: AbortSignal;
}

/** What is answered. A string body is sent as UTF-8; `content-type` is JSON unless given. */
export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  /** Given instead of a body for an answer that goes on: called when the head is written, unless the caller has gone. */
  readonly stream?: (sink: ResponseSink) => ResponseSource;
}

/** Where the body of an answer that goes on is written. */
export interface ResponseSink {
  /** Bytes written that the network has not taken yet. */
  readonly bufferedBytes: number;
  /** Writes bytes, or text as UTF-8; nothing happens when the answer is over. */
  write(content: string | Uint8Array): void;
  /** Ends the answer when all is written. */
  end(): void;
  /** Cuts the answer off, whatever is written. */
  destroy(): void;
}

/** Told how the body that it writes is doing. */
export interface ResponseSource {
  /** The network has taken all that was written. */
  onDrain(): void;
  /** The answer is over, whoever ended it. */
  onEnd(): void;
}

/** Answers a request; what it throws is answered in the error shape with its code's status. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;
