import type { EngineHooks, Firing } from "./firing.ts";
import type { RuleRuntime } from "./rule-runtime.ts";

/** What one evaluation has to tell, kept until all its rules have been evaluated. */
export class Outbox {
  readonly #firings: {
    readonly rule: RuleRuntime;
    readonly firing: Firing;
    readonly score: number;
  }[] = [];
  readonly #ended: RuleRuntime[] = [];
  readonly #breakers: { readonly rule: RuleRuntime; readonly isOpen: boolean }[] = [];

  fires(rule: RuleRuntime, firing: Firing, score: number): void {
    this.#firings.push({ rule, firing, score });
  }

  ends(rule: RuleRuntime): void {
    this.#ended.push(rule);
  }

  breaker(rule: RuleRuntime, isOpen: boolean): void {
    this.#breakers.push({ rule, isOpen });
  }

  /**
   * Tells all: ends and breakers by the rule's name, firings by score, highest first, then by name. So the
   * order depends on nothing but the rules, however the samples stood in their frame.
   */
  deliver(hooks: EngineHooks, slot: number, atUs: number): void {
    if (this.#ended.length > 1) this.#ended.sort((a, b) => a.position - b.position);
    for (const rule of this.#ended) hooks.onEpisodeEnd?.(rule.name, slot, atUs, rule.sinceUs(slot));
    if (this.#breakers.length > 1) this.#breakers.sort((a, b) => a.rule.position - b.rule.position);
    for (const { rule, isOpen } of this.#breakers) hooks.onBreaker?.(rule.name, isOpen);
    if (this.#firings.length > 1)
      this.#firings.sort((a, b) => b.score - a.score || a.rule.position - b.rule.position);
    for (const { firing } of this.#firings) hooks.onFiring(firing);
  }
}
