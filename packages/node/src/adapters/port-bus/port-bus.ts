import type { MessagePort } from "node:worker_threads";
import { type BusLink, type BusMessage, LinkedBus } from "../../bus/index.ts";
import type { Bus } from "../../ports/bus.ts";

/** A bus between threads of one process: a message channel for each two ends, of which this end has one port. */
export function createPortBus(name: string, ports: ReadonlyMap<string, MessagePort>): Bus {
  return new LinkedBus(name, new Map([...ports].map(([peer, port]) => [peer, linkOf(port)])));
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
