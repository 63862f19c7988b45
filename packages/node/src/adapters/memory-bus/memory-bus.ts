import type { Clock } from "@myelin/core/clock";
import { type BusLink, type BusMessage, LinkedBus } from "../../bus/index.ts";
import type { Bus } from "../../ports/bus.ts";

/** One end of a link: what it was given to deliver, and to whom. */
interface End {
  onMessage: ((message: BusMessage) => void) | undefined;
  onEnd: (() => void) | undefined;
  isOpen: boolean;
}

/** The ends of a bus within one thread, by name; what is sent arrives in a later turn of the clock's loop. */
export function createMemoryBuses(
  clock: Clock,
  names: readonly string[],
): ReadonlyMap<string, Bus> {
  const links = new Map(names.map((name) => [name, new Map<string, BusLink>()]));
  for (const [at, one] of names.entries()) {
    for (const other of names.slice(at + 1)) {
      const [near, far] = linked(clock);
      links.get(one)?.set(other, near);
      links.get(other)?.set(one, far);
    }
  }
  return new Map([...links].map(([name, own]) => [name, new LinkedBus(name, own)]));
}

function linked(clock: Clock): readonly [BusLink, BusLink] {
  const ends: readonly [End, End] = [newEnd(), newEnd()];
  const link = (from: End, to: End): BusLink => ({
    send: (message) => {
      const copy = structuredClone(message);
      clock.defer(() => {
        if (from.isOpen && to.isOpen) to.onMessage?.(copy);
      });
    },
    listen: (onMessage, onEnd) => {
      from.onMessage = onMessage;
      from.onEnd = onEnd;
    },
    close: () => {
      if (!from.isOpen) return;
      from.isOpen = false;
      clock.defer(() => to.onEnd?.());
    },
  });
  return [link(ends[0], ends[1]), link(ends[1], ends[0])];
}

function newEnd(): End {
  return { onMessage: undefined, onEnd: undefined, isOpen: true };
}
