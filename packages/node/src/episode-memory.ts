/**
 * What the node knows of episodes over its starts: the journal and what agents tell, joined to the engine.
 *
 * Invariants
 * 1. Episodes are reinstated before anything else of their agent is heard; of the journal's and the agent's the newer counts.
 * 2. What an earlier run had applied of a clock, and comes again, is late: it neither ends an episode nor begins one. That
 *    is told by the clock's own instants, for the node may place the same instant a little elsewhere in each run.
 */
import type { AgentId, EpisodeKey, RuleName } from "@myelin/core/ids";
import type { ToldEpisode } from "./dispatch/index.ts";
import type { Engine, Reinstatement } from "./engine/index.ts";
import type { EpisodeJournal } from "./episodes/index.ts";
import type { Instruction } from "./instruction/index.ts";
import { type Agent, clockName, clockNameOf, type Registry } from "./registry/index.ts";
import type { RuleBook } from "./rules/index.ts";
import type { SessionStation } from "./session/index.ts";

export interface EpisodeMemoryOptions {
  readonly clock: { nowUs(): number };
  readonly engine: Pick<Engine, "appliedBefore" | "isFiring" | "reinstate" | "timeLine">;
  readonly registry: Pick<Registry, "bySlot" | "get">;
  readonly rules: Pick<RuleBook, "get">;
  readonly sessions: Pick<SessionStation, "of">;
  readonly journal: EpisodeJournal;
  readonly futureToleranceUs: number;
  /** Told of each episode in which a rule fires on, once. */
  readonly onReinstated: (episode: EpisodeKey, slot: number) => void;
}

export class EpisodeMemory {
  readonly #options: EpisodeMemoryOptions;

  constructor(options: EpisodeMemoryOptions) {
    this.#options = options;
  }

  /** Keeps the episode of an ended instruction; see `EpisodeJournal.keep`. */
  keep(instruction: Instruction): Promise<boolean> {
    return this.#options.journal.keep(instruction, this.#isOver(instruction));
  }

  /** An episode has ended. */
  ended(rule: RuleName, slot: number, startedAtUs: number): void {
    const { registry, rules, journal } = this.#options;
    const agent = registry.bySlot(slot);
    const meaningVersion = rules.get(rule)?.meaningVersion ?? 0;
    if (agent !== undefined) journal.over(agent.id, rule, meaningVersion, startedAtUs);
  }

  /** Takes up what the journal has of an agent that is back after the node's start. */
  reinstateKept(agent: Agent): void {
    const { slot } = agent;
    if (slot === undefined) return;
    const { journal } = this.#options;
    for (const { episode, ...how } of journal.takeUp(agent.id)) {
      if (this.#reinstate(slot, episode, how) || how.isOver) continue;
      journal.over(agent.id, episode.rule, episode.meaningVersion, episode.startedAtUs);
    }
  }

  /** Takes up what an agent tells of an episode. */
  reinstateTold(slot: number, episode: ToldEpisode, end: Reinstatement["end"]): boolean {
    const { timeLine, startedAtUs, appliedUntilUs } = episode;
    const agent = this.#options.registry.bySlot(slot);
    const name = clockNameOf(timeLine);
    if (agent !== undefined && [...agent.parts.values()].some((part) => clockName(part) === name)) {
      const partUs = appliedUntilUs > 0 ? Math.round(appliedUntilUs) : undefined;
      this.#options.journal.noteMark(agent.id, name, { partUs, startedAtUs });
    }
    return this.#reinstate(slot, episode, end === undefined ? {} : { end });
  }

  /** Has the engine pass over what an earlier run had applied of the parts that are here. */
  goOn(agent: Agent): void {
    const { clock, engine, sessions, journal } = this.#options;
    const { slot } = agent;
    if (slot === undefined) return;
    const nowUs = clock.nowUs();
    for (const session of sessions.of(agent).values()) {
      const mark = journal.takeMark(agent.id, clockName(session.part));
      if (mark === undefined) continue;
      const { partUs, startedAtUs } = mark;
      const appliedAtUs = partUs === undefined ? startedAtUs : session.toNodeTimeUs(partUs);
      // A clock that is behind its own mark was set back.
      if (appliedAtUs > nowUs) continue;
      const untilUs = Math.round(Math.min(nowUs, Math.max(appliedAtUs, startedAtUs)));
      if (partUs === undefined) engine.appliedBefore(slot, session.part.index, untilUs);
      else session.intake.goOn(partUs, untilUs);
    }
  }

  /** By the names of the clocks of an agent's parts, up to where their samples were applied; undefined while it is not here. */
  appliedUntilUs(id: AgentId): Readonly<Record<string, number>> | undefined {
    const { engine, registry, sessions } = this.#options;
    const agent = registry.get(id);
    if (agent?.slot === undefined) return undefined;
    const marks: Record<string, number> = Object.create(null);
    for (const { part, intake } of sessions.of(agent).values())
      if (intake.newestUs > 0 && intake.timeLine === engine.timeLine(agent.slot, part.index))
        marks[clockName(part)] = intake.newestUs;
    return marks;
  }

  /** An episode from ahead of the clock is none that the agent can have had: nothing could end it until then. */
  #reinstate(slot: number, episode: EpisodeKey, how: Reinstatement): boolean {
    const { clock, engine, futureToleranceUs, onReinstated } = this.#options;
    const { startedAtUs, rule } = episode;
    if (startedAtUs > clock.nowUs() + futureToleranceUs) return false;
    const wasFiring = engine.isFiring(rule, slot, startedAtUs);
    const isReinstated = engine.reinstate(slot, episode, how);
    if (!wasFiring && engine.isFiring(rule, slot, startedAtUs)) onReinstated(episode, slot);
    return isReinstated;
  }

  #isOver({ agent, episode }: Instruction): boolean {
    const { engine, registry } = this.#options;
    const slot = registry.get(agent)?.slot;
    if (slot === undefined || episode === undefined) return true;
    return !engine.isFiring(episode.rule, slot, episode.startedAtUs);
  }
}
