import type { Clock } from "@myelin/core/clock";
import type { Dice } from "../world/dice.ts";

/** What a handler does with an instruction. */
export type Conduct =
  | { readonly kind: "at-once" }
  | { readonly kind: "later"; readonly afterUs: number }
  | { readonly kind: "throws" }
  | { readonly kind: "throws-later"; readonly afterUs: number }
  /** Never answers. */
  | { readonly kind: "hangs" };

/** Decides what a handler does with an instruction that may take `timeoutUs`. */
export function conductOf(dice: Dice, timeoutUs: number): Conduct {
  const throwOfDice = dice.between(0, 1);
  if (throwOfDice < 0.45) return { kind: "at-once" };
  if (throwOfDice < 0.8) return { kind: "later", afterUs: dice.between(500, timeoutUs * 0.7) };
  if (throwOfDice < 0.85)
    return { kind: "later", afterUs: dice.between(timeoutUs * 0.7, timeoutUs * 1.5) };
  if (throwOfDice < 0.9) return { kind: "throws" };
  if (throwOfDice < 0.95)
    return { kind: "throws-later", afterUs: dice.between(500, timeoutUs * 0.5) };
  return { kind: "hangs" };
}

/** Behaves so; `onEnd` is told when the handler has done its work, or failed at it. */
export function behave(
  conduct: Conduct,
  clock: Clock,
  onEnd: (how: "returned" | "threw") => void,
): unknown {
  const finish = (hasThrown: boolean): unknown => {
    onEnd(hasThrown ? "threw" : "returned");
    if (hasThrown) throw new Error("the handler failed");
    return { done: true };
  };
  switch (conduct.kind) {
    case "at-once":
      return finish(false);
    case "throws":
      return finish(true);
    case "hangs":
      return new Promise(() => undefined);
    case "later":
    case "throws-later": {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      clock.schedule(conduct.afterUs, () => {
        try {
          resolve(finish(conduct.kind === "throws-later"));
        } catch (error) {
          reject(error);
        }
      });
      return promise;
    }
  }
}
