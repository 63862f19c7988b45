/**
 * A bus whose ends are joined by links, one for each two of them.
 *
 * Invariants
 * 1. A request is answered once: by its handler, or with UNAVAILABLE when the link ends.
 * 2. Requests that wait for one end are bounded, and so are messages that it has not taken: beyond, a request is
 *    refused, and a message is dropped and counted.
 * 3. What a link delivers is handled in its order; handlers are called one after another, their answers may overtake.
 */
import { type ErrorDocument, MyelinError } from "@myelin/core/errors";
import type { Bus, BusFigures, BusHandler } from "../ports/bus.ts";

/** What travels over a link. */
export type BusMessage =
  | { readonly kind: "publish"; readonly subject: string; readonly body: unknown }
  | {
      readonly kind: "request";
      readonly id: number;
      readonly subject: string;
      readonly body: unknown;
    }
  | { readonly kind: "answer"; readonly id: number; readonly body: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly error: ErrorDocument }
  /** So many published messages were handled. */
  | { readonly kind: "taken"; readonly count: number };

/** The way to one other end: it delivers in order, or ends. */
export interface BusLink {
  /** @throws when the message cannot be copied */
  send(message: BusMessage): void;
  listen(onMessage: (message: BusMessage) => void, onEnd: () => void): void;
  close(): void;
}

/** Most requests that wait for one end, most messages that it has not taken, and how often it says how many it has. */
export const busBounds: {
  readonly maxRequests: number;
  readonly maxAhead: number;
  readonly takenEvery: number;
} = { maxRequests: 10_000, maxAhead: 65_536, takenEvery: 64 };

interface Waiting {
  resolve(body: unknown): void;
  reject(error: MyelinError): void;
}

interface Peer {
  readonly name: string;
  readonly link: BusLink;
  readonly waiting: Map<number, Waiting>;
  /** Messages sent that were not taken yet. */
  ahead: number;
  /** Messages handled that were not told to be taken. */
  untold: number;
  isGone: boolean;
}

export class LinkedBus implements Bus {
  readonly name: string;
  readonly #peers = new Map<string, Peer>();
  readonly #handlers = new Map<string, BusHandler>();
  #lastId = 0;
  #dropped = 0;

  constructor(name: string, links: ReadonlyMap<string, BusLink>) {
    this.name = name;
    for (const [peerName, link] of links) {
      const peer: Peer = {
        name: peerName,
        link,
        waiting: new Map(),
        ahead: 0,
        untold: 0,
        isGone: false,
      };
      this.#peers.set(peerName, peer);
      link.listen(
        (message) => this.#take(peer, message),
        () => this.#gone(peer),
      );
    }
  }

  get peers(): readonly string[] {
    return [...this.#peers.keys()];
  }

  request(to: string, subject: string, body: unknown): Promise<unknown> {
    const peer = this.#peers.get(to);
    if (peer === undefined || peer.isGone) return Promise.reject(goneError(to));
    if (peer.waiting.size >= busBounds.maxRequests) {
      return Promise.reject(
        new MyelinError("RESOURCE_EXHAUSTED", `${peer.waiting.size} requests wait for ${to}`),
      );
    }
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      peer.link.send({ kind: "request", id, subject, body });
      peer.waiting.set(id, { resolve, reject });
    });
  }

  publish(to: string, subject: string, body: unknown): boolean {
    const peer = this.#peers.get(to);
    if (peer === undefined || peer.isGone || peer.ahead >= busBounds.maxAhead) {
      this.#dropped += 1;
      return false;
    }
    peer.link.send({ kind: "publish", subject, body });
    peer.ahead += 1;
    return true;
  }

  serve(subject: string, handler: BusHandler): void {
    this.#handlers.set(subject, handler);
  }

  figures(): BusFigures {
    let pending = 0;
    for (const { waiting } of this.#peers.values()) pending += waiting.size;
    return { pending, dropped: this.#dropped };
  }

  close(): void {
    for (const peer of this.#peers.values()) {
      peer.link.close();
      this.#gone(peer);
    }
  }

  #take(peer: Peer, message: BusMessage): void {
    if (peer.isGone) return;
    switch (message.kind) {
      case "publish":
        peer.untold += 1;
        if (peer.untold >= busBounds.takenEvery) {
          peer.link.send({ kind: "taken", count: peer.untold });
          peer.untold = 0;
        }
        this.#handlers.get(message.subject)?.(message.body, peer.name);
        return;
      case "request":
        void this.#answer(peer, message);
        return;
      case "answer":
        this.#settle(peer, message.id)?.resolve(message.body);
        return;
      case "refusal":
        this.#settle(peer, message.id)?.reject(MyelinError.fromDocument(message.error));
        return;
      case "taken":
        peer.ahead -= message.count;
    }
  }

  async #answer(
    peer: Peer,
    { id, subject, body }: Extract<BusMessage, { readonly kind: "request" }>,
  ): Promise<void> {
    let reply: BusMessage;
    try {
      const handler = this.#handlers.get(subject);
      if (handler === undefined)
        throw new MyelinError("NOT_FOUND", `${this.name} does not serve ${subject}`);
      reply = { kind: "answer", id, body: await handler(body, peer.name) };
    } catch (thrown) {
      reply = { kind: "refusal", id, error: MyelinError.from(thrown).toJSON() };
    }
    if (peer.isGone) return;
    try {
      peer.link.send(reply);
    } catch (thrown) {
      peer.link.send({ kind: "refusal", id, error: MyelinError.from(thrown).toJSON() });
    }
  }

  #settle(peer: Peer, id: number): Waiting | undefined {
    const waiting = peer.waiting.get(id);
    peer.waiting.delete(id);
    return waiting;
  }

  #gone(peer: Peer): void {
    if (peer.isGone) return;
    peer.isGone = true;
    const waiting = [...peer.waiting.values()];
    peer.waiting.clear();
    for (const { reject } of waiting) reject(goneError(peer.name));
  }
}

function goneError(name: string): MyelinError {
  return new MyelinError("UNAVAILABLE", `there is no ${JSON.stringify(name)} on the bus`);
}
