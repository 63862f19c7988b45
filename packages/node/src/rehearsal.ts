import { Access } from "./access/index.ts";
import { createMemoryStore } from "./adapters/memory-store/index.ts";
import { Arc, type ArcOptions } from "./arc.ts";
import { warmUp } from "./warm-up.ts";

/** Plays on an arc of its own, so that the first real samples meet compiled code. */
export function rehearse(options: ArcOptions): Promise<void> {
  const { clock, random, node, sessionSettings, settings } = options;
  const rehearsal = new Arc({
    clock,
    random,
    node,
    sessionSettings,
    settings,
    store: createMemoryStore(),
    access: new Access({ tokens: undefined, hosts: [] }),
    onNotice: () => undefined,
  });
  return warmUp(rehearsal, clock);
}
