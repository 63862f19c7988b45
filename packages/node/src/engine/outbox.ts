import type { EngineHooks, Firing } from "./firing.ts";
import type { RuleRuntime } from "./rule-runtime.ts";

/** What one evaluation has to tell, kept until all its rules have been evaluated. */
export class Outbox {
  readonly #firings: { readonly firing: Firing; readonly score: number }[] = [];
  readonly #ended: RuleRuntime[] = [];
  readonly #breakers: { readonly rule: RuleRuntime; readonly isOpen: boolean }[] = [];

  fires(firing: Firing, score: number): void {
    this.#firings.push({ firing, score });
  }

  ends(rule: RuleRuntime): void {
    this.#ended.push(rule);
  }

  breaker(rule: RuleRuntime, isOpen: boolean): void {
    this.#breakers.push({ rule, isOpen });
  }

  /** Tells all: firings by score, highest first, then by the rule's name. */
  deliver(hooks: EngineHooks, slot: number, atUs: number): void {
    for (const rule of this.#ended) hooks.onEpisodeEnd?.(rule.name, slot, atUs);
    for (const { rule, isOpen } of this.#breakers) hooks.onBreaker?.(rule.name, isOpen);
    if (this.#firings.length > 1)
      this.#firings.sort(
        (a, b) => b.score - a.score || (a.firing.plan.name < b.firing.plan.name ? -1 : 1),
      );
    for (const { firing } of this.#firings) hooks.onFiring(firing);
  }
}
