import { setImmediate as nextTurn } from "node:timers/promises";

/** Ways in which a worker can go wrong. */
export const misbehaviours = ["spin", "leak", "block"] as const;
export type Misbehaviour = (typeof misbehaviours)[number];

export function isMisbehaviour(text: string): text is Misbehaviour {
  return misbehaviours.some((name) => name === text);
}

const leakBytes = 2_000_000;
const leakIntervalMs = 50;

/** Goes wrong, for good. */
export function misbehave(how: Misbehaviour): void {
  if (how === "spin") void spin();
  else if (how === "leak") leak();
  else block();
}

/** Burns a core, but keeps answering: each turn of the event loop lasts some milliseconds. */
async function spin(): Promise<never> {
  for (;;) {
    const untilMs = performance.now() + 5;
    while (performance.now() < untilMs);
    await nextTurn();
  }
}

/** Keeps 40 MB more every second. */
function leak(): void {
  const kept: Buffer[] = [];
  setInterval(() => kept.push(Buffer.alloc(leakBytes, 1)), leakIntervalMs);
}

/** Stops answering: the event loop waits for what never comes. */
function block(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
