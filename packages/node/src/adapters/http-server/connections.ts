import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ErrorCode, MyelinError } from "@myelin/core/errors";
import type { Clock } from "../../ports/clock.ts";
import { endAfterLinger } from "./linger.ts";
import { errorResponse, respondRaw } from "./respond.ts";

/** Refused callers that may read their refusal at the same time; further ones are cut off. */
const maxRefused = 64;

/** Bounds of the connections, and who is told of refusals. */
export interface ConnectionsOptions {
  readonly maxConnections: number;
  /** Requests that one connection may have under way by pipelining. */
  readonly maxPipelined: number;
  readonly clock: Clock;
  /** Told the status of each refusal, also of those that cannot be told to their callers. */
  readonly onAnswer: (status: number) => void;
  /** Told the code of each refusal for want of room. */
  readonly onRefused: (code: ErrorCode) => void;
}

/**
 * Every connection of the server and what it is busy with.
 *
 * Invariants
 * 1. A connection is in `#http` or in `#channels` until it closes, and both together are bounded.
 * 2. A connection in `#http` maps to its answers under way; none means it may be cut at closing.
 */
export class Connections {
  readonly #maxConnections: number;
  readonly #maxPipelined: number;
  readonly #clock: Clock;
  readonly #onAnswer: (status: number) => void;
  readonly #onRefused: (code: ErrorCode) => void;
  readonly #http = new Map<Duplex, Set<ServerResponse>>();
  readonly #channels = new Set<Duplex>();
  readonly #refused = new Set<Duplex>();
  /** Accepted, and not past their TLS handshake, by the caller's address. */
  readonly #handshakes = new Map<string, Socket>();
  /** Of all sockets, so that none has a closure of its own. */
  readonly #onClose: (this: Duplex) => void;
  #onHttpGone: (() => void) | undefined;
  #isDraining = false;

  constructor({ maxConnections, maxPipelined, clock, onAnswer, onRefused }: ConnectionsOptions) {
    this.#maxConnections = maxConnections;
    this.#maxPipelined = maxPipelined;
    this.#clock = clock;
    this.#onAnswer = onAnswer;
    this.#onRefused = onRefused;
    const forget = (socket: Duplex): void => this.#forgetHttp(socket);
    this.#onClose = function () {
      forget(this);
    };
  }

  /** A connection begins its TLS handshake; when that is done it is admitted. */
  handshake(socket: Socket): void {
    const caller = callerOf(socket);
    this.#handshakes.set(caller, socket);
    socket.once("close", () => this.#handshakes.delete(caller));
  }

  /** Takes a new connection in, or refuses it with RESOURCE_EXHAUSTED and returns false. */
  admit(socket: Socket): boolean {
    this.#handshakes.delete(callerOf(socket));
    if (this.#isDraining) {
      socket.destroy();
      return false;
    }
    if (this.#http.size + this.#channels.size >= this.#maxConnections) {
      this.#refuse(socket);
      return false;
    }
    this.#http.set(socket, new Set());
    socket.on("close", this.#onClose);
    return true;
  }

  /** The connection has become a channel, which its owner closes, and tells when it has closed. */
  becomeChannel(socket: Duplex): void {
    this.#channels.add(socket);
    this.#forgetHttp(socket);
    socket.off("close", this.#onClose);
  }

  /** A channel's connection has closed. */
  channelGone(socket: Duplex): void {
    this.#channels.delete(socket);
  }

  /** Notes an answer under way; false when the connection has too many. */
  begin(socket: Duplex, response: ServerResponse): boolean {
    const underWay = this.#http.get(socket);
    if (underWay === undefined || underWay.size >= this.#maxPipelined) return false;
    underWay.add(response);
    response.once("close", () => underWay.delete(response));
    return true;
  }

  /** True when bytes written now would land within an answer. */
  isAnswering(socket: Duplex): boolean {
    for (const response of this.#http.get(socket) ?? []) if (response.headersSent) return true;
    return false;
  }

  /** False for connections whose TLS has not come about. */
  has(socket: Duplex): boolean {
    return this.#http.has(socket) || this.#channels.has(socket);
  }

  isRefused(socket: Duplex): boolean {
    return this.#refused.has(socket);
  }

  /** Answers with an error outside of any request and ends the connection. */
  refuse(socket: Duplex, error: MyelinError): void {
    this.#refused.add(socket);
    socket.once("close", () => this.#refused.delete(socket));
    const answer = errorResponse(error);
    this.#onAnswer(answer.status);
    respondRaw(socket, answer);
    endAfterLinger(socket, this.#clock);
  }

  /** Cuts connections that await nothing; resolves when the others were answered, or cuts them at the bound. */
  async drain(withinUs: number): Promise<void> {
    this.#isDraining = true;
    for (const socket of this.#handshakes.values()) socket.destroy();
    for (const [socket, underWay] of this.#http) if (underWay.size === 0) socket.destroy();
    if (this.#http.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onHttpGone = resolve;
    const timer = this.#clock.schedule(withinUs, () => {
      for (const socket of this.#http.keys()) socket.destroy();
    });
    await promise;
    timer.cancel();
  }

  #forgetHttp(socket: Duplex): void {
    this.#http.delete(socket);
    if (this.#http.size === 0) this.#onHttpGone?.();
  }

  #refuse(socket: Socket): void {
    const message = `the node holds ${this.#maxConnections} connections, which is its limit`;
    const error = new MyelinError("RESOURCE_EXHAUSTED", message);
    this.#onRefused(error.code);
    if (this.#refused.size < maxRefused) {
      this.refuse(socket, error);
      return;
    }
    this.#onAnswer(error.httpStatus);
    socket.destroy();
  }
}

function callerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
