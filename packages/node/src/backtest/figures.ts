import type { JsonObject } from "@myelin/core/json";
import type { RulePlan } from "@myelin/core/rules";
import type { InstructionMode } from "@myelin/core/rule-tests";

/** A decision of a rule that an agent needs an instruction. */
export interface BacktestFiring {
  readonly rule: string;
  readonly agent: string;
  readonly action: string;
  readonly args: JsonObject;
  /** When it was decided, on the node's clock in microseconds. */
  readonly atUs: number;
  /** Event time it fired at, microseconds. */
  readonly timeUs: number;
  /** Start of its episode, event time in microseconds. */
  readonly startedAtUs: number;
  readonly attempt: number;
  readonly mode: InstructionMode;
}

/** A rule's breaker opened or closed. */
export interface BreakerTurn {
  readonly rule: string;
  readonly atUs: number;
  readonly isOpen: boolean;
}

/** What a rule did. */
export interface RuleFigures {
  readonly rule: string;
  /** Decisions, further attempts among them. */
  readonly firings: number;
  /** Of the decisions, those that would have been sent, and those that its breaker stopped. */
  readonly sent: number;
  readonly suppressed: number;
  readonly episodes: number;
  /** Agents that it fired on. */
  readonly agents: number;
  /** How long it was firing, of all agents together, microseconds of event time. */
  readonly firingUs: number;
  /** How often its breaker opened. */
  readonly breakerOpenings: number;
}

/** Counts what a rule does. */
export class RuleCount {
  readonly #rule: string;
  readonly #agents = new Set<string>();
  /** By agent, when the present episode fired. */
  readonly #firingSinceUs = new Map<string, number>();
  /** By agent, the start of the last episode that was over before it was told to have fired, as one of an event is. */
  readonly #overUs = new Map<string, number>();
  #firings = 0;
  #sent = 0;
  #suppressed = 0;
  #episodes = 0;
  #firingUs = 0;
  #breakerOpenings = 0;

  constructor({ name }: RulePlan) {
    this.#rule = name;
  }

  fired({ agent, attempt, mode, timeUs, startedAtUs }: BacktestFiring): void {
    this.#firings += 1;
    if (mode === "sent") this.#sent += 1;
    if (mode === "suppressed") this.#suppressed += 1;
    this.#agents.add(agent);
    if (attempt > 1) return;
    this.#episodes += 1;
    if (this.#overUs.get(agent) === startedAtUs) this.#overUs.delete(agent);
    else this.#firingSinceUs.set(agent, timeUs);
  }

  ended(agent: string, atUs: number, startedAtUs: number): void {
    const sinceUs = this.#firingSinceUs.get(agent);
    if (sinceUs === undefined) {
      this.#overUs.set(agent, startedAtUs);
      return;
    }
    this.#firingUs += Math.max(0, atUs - sinceUs);
    this.#firingSinceUs.delete(agent);
  }

  breakerOpened(): void {
    this.#breakerOpenings += 1;
  }

  /** What it came to, with episodes that go on counted up to an instant. */
  figures(untilUs: number): RuleFigures {
    const going = [...this.#firingSinceUs.values()].map((sinceUs) =>
      Math.max(0, untilUs - sinceUs),
    );
    return {
      rule: this.#rule,
      firings: this.#firings,
      sent: this.#sent,
      suppressed: this.#suppressed,
      episodes: this.#episodes,
      agents: this.#agents.size,
      firingUs: going.reduce((sum, durationUs) => sum + durationUs, this.#firingUs),
      breakerOpenings: this.#breakerOpenings,
    };
  }
}
