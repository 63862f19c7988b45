import { MessageChannel, type MessagePort } from "node:worker_threads";
import { type BusLink, type BusMessage, LinkedBus } from "../../bus/index.ts";
import type { Bus } from "../../ports/bus.ts";

/** A bus between threads of one process: a message channel for each two ends, of which this end has one port. */
export function createPortBus(name: string, ports: ReadonlyMap<string, MessagePort>): Bus {
  return new LinkedBus(name, new Map([...ports].map(([peer, port]) => [peer, linkOf(port)])));
}

/** The ports of each end to every other: a message channel for each two of them. */
export function meshOf(
  names: readonly string[],
): ReadonlyMap<string, ReadonlyMap<string, MessagePort>> {
  const ports = new Map(names.map((name) => [name, new Map<string, MessagePort>()]));
  for (const [at, one] of names.entries()) {
    for (const other of names.slice(at + 1)) {
      const { port1, port2 } = new MessageChannel();
      ports.get(one)?.set(other, port1);
      ports.get(other)?.set(one, port2);
    }
  }
  return ports;
}

function linkOf(port: MessagePort): BusLink {
  return {
    send: (message) => port.postMessage(message),
    listen: (onMessage, onEnd) => {
      port.on("message", (message: BusMessage) => onMessage(message));
      port.on("close", onEnd);
    },
    close: () => port.close(),
  };
}
