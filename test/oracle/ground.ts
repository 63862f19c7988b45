/** What the oracle knows: the rules in force, the agents with all that ever came of them, and what it said. */
import type { Agent, Cell } from "./agent.ts";
import type { OracleBreaker } from "./breaker.ts";
import type { Happening, OracleSettings } from "./history.ts";
import type { OracleRule } from "./rule.ts";
import type { Surroundings } from "./world.ts";

export class Ground {
  readonly settings: OracleSettings;
  readonly happenings: Happening[] = [];
  /** In order of their names. */
  rules: readonly OracleRule[] = [];
  readonly agents: Map<string, Agent> = new Map();
  /** Cells of agents that have left: their cooldowns go on. */
  readonly departed: Map<string, ReadonlyMap<string, Cell>> = new Map();
  readonly breakers: Map<string, OracleBreaker> = new Map();
  /** By window: what came before this number is not in it. */
  readonly windowsFrom: Map<string, number> = new Map();
  restartedUs: number = Number.NEGATIVE_INFINITY;
  isEnforcing = true;
  /** The node's clock. */
  nowUs: number = Number.NEGATIVE_INFINITY;

  constructor(settings: OracleSettings) {
    this.settings = settings;
  }

  agent(id: string): Agent {
    const agent = this.agents.get(id);
    if (agent === undefined) throw new Error(`there is no agent ${id}`);
    return agent;
  }

  get around(): Surroundings {
    const { settings, windowsFrom, restartedUs } = this;
    return { agents: [...this.agents.values()], settings, windowsFrom, restartedUs };
  }

  tellBreaker(rule: string, isOpen: boolean): void {
    this.happenings.push({ kind: "breaker", rule, isOpen });
  }
}
