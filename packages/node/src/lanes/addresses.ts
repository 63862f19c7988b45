import { MyelinError } from "@myelin/core/errors";
import type { PeerInfo } from "../ports/transport.ts";

/** Where lanes listen. */
export interface LanePlaces {
  readonly scheme: "ws" | "wss";
  /** For peers whose transport cannot tell by which host they came, as a URL bears it. */
  readonly host: string;
  /** TCP port of each lane. */
  readonly ports: readonly number[];
  /** Address of each lane as agents reach it, where that is not the host they came by with the lane's port. */
  readonly urls: readonly string[];
  /** The node's Unix socket, where it has one; a lane's is there with its number behind a dot. */
  readonly unixPath?: string;
}

/** The addresses of lanes, as agents dial them. */
export class LaneAddresses {
  #places: LanePlaces | undefined;

  /** To be called before anybody asks. */
  set(places: LanePlaces): void {
    this.#places = places;
  }

  /** The address of a lane by the way that a peer came. @throws MyelinError INVALID_ARGUMENT for one within the program */
  of(lane: number, { transport, host }: Pick<PeerInfo, "transport" | "host">): string {
    const places = this.#places;
    if (places === undefined) throw new MyelinError("UNAVAILABLE", "the lanes are not there yet");
    if (transport === "unix") return `unix:${LaneAddresses.unixPath(places.unixPath ?? "", lane)}`;
    if (transport === "memory") {
      throw new MyelinError(
        "INVALID_ARGUMENT",
        "the lanes of this node cannot be reached from within its program",
        { hint: "Start the node with one lane, or connect to its address." },
      );
    }
    const named = host === undefined || host === "" ? places.host : host;
    return places.urls[lane] ?? `${places.scheme}://${named}:${places.ports[lane] ?? 0}`;
  }

  all(): readonly string[] {
    const { ports = [] } = this.#places ?? {};
    return ports.map((_, lane) => this.of(lane, { transport: "websocket" }));
  }

  /** The Unix socket of a lane. */
  static unixPath(path: string, lane: number): string {
    return `${path}.${lane}`;
  }
}
