import { type Dial, memoryChannel } from "@myelin/core/channel";
import { MyelinError } from "@myelin/core/errors";
import type { Clock } from "../../ports/clock.ts";
import type { AcceptChannel, PeerInfo, Transport } from "../../ports/transport.ts";

/** What a transport within one process needs. */
export interface MemoryTransportOptions {
  /** Tells the transport from others of the process; `node` unless given. */
  readonly name?: string;
  /** A longer frame ends its channel with PAYLOAD_TOO_LARGE, in either direction. */
  readonly maxFrameBytes: number;
  readonly clock: Clock;
}

/** A transport and the only way to reach it. */
export interface MemoryTransport extends Transport {
  readonly dial: Dial;
}

/** Carries channels within one process: for agents embedded with their node, for tests and for simulation. */
export function createMemoryTransport(options: MemoryTransportOptions): MemoryTransport {
  const { clock } = options;
  const url = `memory:${options.name ?? "node"}`;
  const peer: PeerInfo = { transport: "memory", address: url, isLoopback: true };
  let accept: AcceptChannel | undefined;

  const dial: Dial = (dialedUrl, handler, { maxFrameBytes, encoding = "proto" }) =>
    memoryChannel(
      { clock, maxFrameBytes: Math.min(maxFrameBytes, options.maxFrameBytes), encoding },
      handler,
      (channel) => (dialedUrl === url ? accept?.(channel, peer) : undefined),
    );

  async function listen(accepting: AcceptChannel): Promise<void> {
    if (accept !== undefined) throw new MyelinError("CONFLICT", `already listening on ${url}`);
    accept = accepting;
  }

  async function close(): Promise<void> {
    accept = undefined;
  }

  return { url, dial, listen, close };
}
