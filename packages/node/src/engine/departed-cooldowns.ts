import type { AgentId, RuleName } from "@myelin/core/ids";

/**
 * Cooldowns of agents that have left, so that one that comes back at once (restarted, say) is not
 * told the same again at once. The agents that left first are forgotten at the bound.
 */
export class DepartedCooldowns {
  readonly #untilUs = new Map<AgentId, ReadonlyMap<RuleName, number>>();
  readonly #maxAgents: number;

  constructor(maxAgents: number) {
    this.#maxAgents = maxAgents;
  }

  put(agent: AgentId, untilUs: ReadonlyMap<RuleName, number>): void {
    this.#untilUs.delete(agent);
    if (untilUs.size === 0) return;
    this.#untilUs.set(agent, untilUs);
    if (this.#untilUs.size <= this.#maxAgents) return;
    const oldest = this.#untilUs.keys().next();
    if (oldest.done === false) this.#untilUs.delete(oldest.value);
  }

  take(agent: AgentId): ReadonlyMap<RuleName, number> | undefined {
    const untilUs = this.#untilUs.get(agent);
    this.#untilUs.delete(agent);
    return untilUs;
  }
}
