import { createMemoryBuses } from "../../packages/node/src/adapters/memory-bus/index.ts";
import { createPortBus, meshOf } from "../../packages/node/src/adapters/port-bus/index.ts";
import { systemClock } from "../../packages/node/src/adapters/system-clock/index.ts";
import { busContract } from "./bus-contract.ts";

busContract("memory", (names) => {
  const ends = [...createMemoryBuses(systemClock(), names).values()];
  return { ends, part: () => ends.forEach((end) => end.close()) };
});

busContract("message ports", (names) => {
  const ends = [...meshOf(names)].map(([name, own]) => createPortBus(name, own));
  return { ends, part: () => ends.forEach((end) => end.close()) };
});
