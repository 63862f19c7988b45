// What must hold of instructions however often node and agents were killed.
import type { InstructionDocument } from "@myelin/core/instruction";
import type { Begun } from "../support/crowd.ts";
import type { Call } from "./caller.ts";

/** All that is known in the end. */
export interface Evidence {
  readonly calls: readonly Call[];
  readonly begun: readonly Begun[];
  /** What the node says of each accepted id; undefined where it knows none. */
  readonly told: ReadonlyMap<string, InstructionDocument | undefined>;
  /** Lives of the crowd that ended by a kill. */
  readonly deadLives: number;
}

/** What is wrong, a sentence each; nothing when all is as it must be. */
export function breachesOf({ calls, begun, told, deadLives }: Evidence): string[] {
  const breaches: string[] = [];
  const beginnings = Map.groupBy(begun, ({ id }) => id);
  for (const [id, each] of beginnings) breaches.push(...repetitions(id, each));
  for (const { key, ids, action } of calls) {
    if (ids.size !== 1) breaches.push(`${key} has the ids ${[...ids].join(" ") || "none"}`);
    for (const id of ids) {
      const why = fault(told.get(id), beginnings.get(id)?.length ?? 0, action, deadLives);
      if (why !== undefined) breaches.push(`${key} (${action} ${id}) ${why}`);
    }
  }
  return breaches;
}

/** An id begins once in a life, and in one life only where repeating it may do harm. */
function repetitions(id: string, begun: readonly Begun[]): string[] {
  const lives = begun.map(({ life }) => life);
  if (new Set(lives).size < lives.length)
    return [`${id} was begun twice by one incarnation: lives ${lives.join(" ")}`];
  const isIdempotent = begun.every(({ action }) => action === "again");
  return lives.length > 1 && !isIdempotent
    ? [`${id} is not idempotent and was begun in the lives ${lives.join(" ")}`]
    : [];
}

function fault(
  told: InstructionDocument | undefined,
  begun: number,
  action: string,
  deadLives: number,
): string | undefined {
  if (told === undefined) return "has vanished";
  switch (told.status) {
    case "executed":
      return begun === 0 ? "is called executed, and nobody has begun it" : undefined;
    case "failed": {
      const code = told.error?.code;
      const isRepeatable = action === "again" && (told.endedAt ?? "") < told.deadline;
      return code !== "OUTCOME_UNKNOWN" || deadLives === 0 || isRepeatable
        ? `failed with ${code} at ${told.endedAt}, its deadline ${told.deadline}`
        : undefined;
    }
    case "expired":
      // What an incarnation that died had begun and an idempotent one's successor found too late.
      return begun > 0 && (action !== "again" || deadLives === 0)
        ? "has expired, and was begun"
        : undefined;
    default:
      return `is ${told.status}`;
  }
}
