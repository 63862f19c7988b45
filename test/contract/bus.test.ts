import { MessageChannel, type MessagePort } from "node:worker_threads";
import { createMemoryBuses } from "../../packages/node/src/adapters/memory-bus/index.ts";
import { createPortBus } from "../../packages/node/src/adapters/port-bus/index.ts";
import { systemClock } from "../../packages/node/src/adapters/system-clock/index.ts";
import { busContract } from "./bus-contract.ts";

busContract("memory", (names) => {
  const ends = [...createMemoryBuses(systemClock(), names).values()];
  return { ends, part: () => ends.forEach((end) => end.close()) };
});

busContract("message ports", (names) => {
  const ports = new Map(names.map((name) => [name, new Map<string, MessagePort>()]));
  for (const [at, one] of names.entries()) {
    for (const other of names.slice(at + 1)) {
      const { port1, port2 } = new MessageChannel();
      ports.get(one)?.set(other, port1);
      ports.get(other)?.set(one, port2);
    }
  }
  const ends = [...ports].map(([name, own]) => createPortBus(name, own));
  return { ends, part: () => ends.forEach((end) => end.close()) };
});
