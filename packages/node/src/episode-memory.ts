/**
 * What the node knows of episodes over its starts: the journal and what agents tell, joined to the engine.
 *
 * Invariants
 * 1. Episodes are reinstated before anything else of their agent is heard; of the journal's and the agent's the newer counts.
 * 2. What was sent and had not ended is told by the part that has it. Until that part is back the rule fires on; if it
 *    does not know it, there was no instruction; if its incarnation is gone, or the window has passed, the outcome is unknown.
 * 3. For a while after the node's start no rule begins what a part may have that was there before and is not back:
 *    of what was sent right before the end of the earlier run the journal knows nothing.
 * 4. What was pending goes on with its since when its agent is back, if rule, meaning and the clock of its part are the
 *    same; in another incarnation its part may have acted already. Then it is pending anew. Any other part may have acted,
 *    too, however long it was away: what was pending does not act until they are all back, and ends when they are not in time.
 * 5. What an earlier run had applied of a clock, and comes again, is late: it neither ends an episode nor begins one. That
 *    is told by the clock's own instants, for the node may place the same instant a little elsewhere in each run.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import { type AgentId, type EpisodeKey, instructionIdOf, type RuleName } from "@myelin/core/ids";
import type { Acknowledgement } from "@myelin/core/wire";
import type { ToldEpisode } from "./dispatch/index.ts";
import type { Engine, Reinstatement } from "./engine/index.ts";
import type { EpisodeJournal, LostEpisode, LostState } from "./episodes/index.ts";
import type { Instruction } from "./instruction/index.ts";
import {
  type Agent,
  clockName,
  clockNameOf,
  nodePartIndex,
  type Part,
  type Registry,
} from "./registry/index.ts";
import type { PartSession, SessionStation } from "./session/index.ts";

export interface EpisodeMemoryOptions {
  readonly clock: Clock;
  readonly engine: Pick<
    Engine,
    "appliedBefore" | "hold" | "isFiring" | "pastEpisodes" | "timeLine"
  >;
  readonly registry: Pick<Registry, "all" | "bySlot" | "get">;
  readonly sessions: Pick<SessionStation, "of">;
  readonly journal: EpisodeJournal;
  readonly futureToleranceUs: number;
  /** How long agents may take to come back after the node's start. */
  readonly windowUs: number;
  /** How long rules wait for the other parts of an agent after the node's start. */
  readonly partsWaitUs: number;
  /** Told of each episode in which a rule fires on, once. */
  readonly onReinstated: (episode: EpisodeKey, slot: number) => void;
}

/** A hello that tells of so many outcomes, or with results of so much text, may not tell of all: the oldest are told later. */
const mostTold = 1000;
const mostToldText = 128 << 10;
/** Most instructions of one episode. */
const maxAttempts = 10;

export class EpisodeMemory {
  readonly #options: EpisodeMemoryOptions;
  /** Reinstated, and had by a part that is not back yet. */
  readonly #unsure = new Map<AgentId, LostEpisode[]>();
  /** Parts that were there before the node's start, and are not back yet. */
  readonly #missing = new Map<AgentId, Set<Part>>();
  /** Pending again, and not to act before the agent's missing parts are back. */
  readonly #doubtful = new Map<AgentId, LostState["pending"]>();
  #isWaitOver = false;
  readonly #timers: Timer[] = [];

  constructor(options: EpisodeMemoryOptions) {
    this.#options = options;
  }

  /** The node starts, and its registry knows who was there before. */
  start(): void {
    const { clock, registry, windowUs, partsWaitUs } = this.#options;
    for (const { id, parts, lastSeenUs } of registry.all()) {
      if (parts.size < 2) continue;
      const recent = [...parts.values()].filter((part) => part.lastSeenUs > lastSeenUs - windowUs);
      this.#missing.set(id, new Set(recent));
    }
    this.#timers.push(
      clock.schedule(windowUs, () => this.#windowPassed()),
      clock.schedule(partsWaitUs, () => this.#waitPassed()),
    );
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  /** An instruction was sent. */
  sent(instruction: Instruction): void {
    if (instruction.episode !== undefined)
      this.#options.journal.sent(instruction, this.#isOver(instruction));
  }

  /** Keeps the episode of an ended instruction; see `EpisodeJournal.keep`. */
  keep(instruction: Instruction): Promise<boolean> {
    return this.#options.journal.keep(instruction, this.#isOver(instruction));
  }

  /** An episode has ended. */
  ended(rule: RuleName, slot: number, startedAtUs: number): void {
    const { registry, journal } = this.#options;
    const agent = registry.bySlot(slot);
    if (agent !== undefined) journal.over(agent.id, rule, startedAtUs);
  }

  /** Takes up what the journal has of the agent of a part that is back, which tells of `outcomes`. */
  attached({ agent, part }: PartSession, outcomes: readonly Acknowledgement[]): void {
    const { slot } = agent;
    if (slot === undefined) return;
    const { episodes, pending } = this.#options.journal.takeUp(agent.id);
    const lost = [...episodes, ...(this.#unsure.get(agent.id) ?? [])];
    if (lost.length > 0) {
      this.#unsure.delete(agent.id);
      const told = new Set(outcomes.map(({ instructionId }) => instructionId));
      const isWhole = tellsAll(outcomes);
      for (const one of lost) this.#takeUp(slot, part, one, told, isWhole);
    }
    const pendingAgain = pending.filter((one) => this.#takeUpPending(slot, agent, one));
    if (pendingAgain.length > 0) this.#doubt(slot, agent, part, pendingAgain);
    const missing = this.#missing.get(agent.id);
    if (missing === undefined) return;
    missing.delete(part);
    this.#options.engine.hold(slot, missing.size === 0 ? undefined : actionsOf(missing));
    if (missing.size > 0) return;
    this.#missing.delete(agent.id);
    this.#doubtful.delete(agent.id);
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

  /** An earlier run has applied what came of a time line up to an instant on its part's clock, and with it what came of the instant itself. */
  goesOn(agent: AgentId, timeLine: string, partUs: number): void {
    const startedAtUs = Number.NEGATIVE_INFINITY;
    this.#options.journal.noteMark(agent, clockNameOf(timeLine), {
      partUs: partUs + 1,
      startedAtUs,
    });
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

  #takeUp(
    slot: number,
    part: Part,
    lost: LostEpisode,
    told: ReadonlySet<string>,
    isWhole: boolean,
  ): void {
    const { engine, journal } = this.#options;
    const { episode, recipient, end, isOver } = lost;
    if (end !== undefined) {
      const isReborn = recipient?.part === part.name && recipient.incarnation !== part.incarnation;
      // The former life may have been given the next attempt right before the end, too.
      const isReinstated =
        isReborn && !end.succeeded && !isOver
          ? this.#reinstate(slot, ...this.#nextAttempt(episode))
          : this.#reinstate(slot, episode, { end, isOver });
      if (!isReinstated) journal.over(episode.agent, episode.rule, episode.startedAtUs);
    } else if (told.has(instructionIdOf(episode))) {
      if (isOver) this.#reinstate(slot, { ...episode, attempt: 0 }, { isOver });
    } else if (recipient?.part !== part.name) {
      this.#reinstate(slot, isOver ? { ...episode, attempt: 0 } : episode, { isOver });
      this.#unsure.set(episode.agent, [...(this.#unsure.get(episode.agent) ?? []), lost]);
    } else if (recipient.incarnation === part.incarnation && isWhole) {
      engine.pastEpisodes.withdraw(episode.rule, slot, episode.startedAtUs);
      journal.drop(episode);
    } else this.#giveUp(slot, lost);
  }

  #takeUpPending(
    slot: number,
    agent: Agent,
    { rule, ...pending }: LostState["pending"][number],
  ): boolean {
    const { clock, engine, journal, futureToleranceUs } = this.#options;
    const name = clockNameOf(pending.timeLine);
    const isSameLine =
      pending.timeLine === engine.timeLine(slot, nodePartIndex) ||
      [...agent.parts.values()].some((part) => clockName(part) === name);
    const isPending =
      isSameLine &&
      pending.sinceUs <= clock.nowUs() + futureToleranceUs &&
      engine.pastEpisodes.reinstatePending(slot, rule, pending);
    if (!isPending) journal.notePending({ agent: agent.id, rule, pending: undefined });
    return isPending;
  }

  /** Has what is pending again wait for the parts of its agent that are not back. */
  #doubt(slot: number, agent: Agent, part: Part, pending: LostState["pending"]): void {
    const others = [...agent.parts.values()].filter(
      (other) => other !== part && other.actions.size > 0,
    );
    if (others.length === 0) return;
    if (this.#isWaitOver) this.#endPending(slot, pending);
    else {
      this.#missing.set(agent.id, new Set([...(this.#missing.get(agent.id) ?? []), ...others]));
      this.#doubtful.set(agent.id, pending);
    }
  }

  #endPending(slot: number, pending: LostState["pending"]): void {
    for (const { rule, sinceUs } of pending)
      this.#options.engine.pastEpisodes.endPending(slot, rule, sinceUs);
  }

  /** The attempt after one that failed, as if it was made, and failed just now; the last one as if it succeeded. */
  #nextAttempt(episode: EpisodeKey): [EpisodeKey, Reinstatement] {
    const attempt = Math.min(episode.attempt + 1, maxAttempts);
    const endedAtUs = this.#options.clock.nowUs();
    return [
      { ...episode, attempt },
      { end: { succeeded: attempt === episode.attempt, endedAtUs } },
    ];
  }

  /** Nobody will tell how the instruction ended. */
  #giveUp(slot: number | undefined, { episode, isOver }: LostEpisode): void {
    const { clock, journal } = this.#options;
    const endedAtUs = clock.nowUs();
    journal.givenUp(episode, endedAtUs);
    if (slot === undefined) return;
    const isReinstated = this.#reinstate(slot, episode, {
      end: { succeeded: false, endedAtUs },
      isOver,
    });
    if (!isReinstated) journal.over(episode.agent, episode.rule, episode.startedAtUs);
  }

  #windowPassed(): void {
    for (const [agent, lost] of this.#unsure)
      for (const one of lost) this.#giveUp(this.#options.registry.get(agent)?.slot, one);
    this.#unsure.clear();
  }

  #waitPassed(): void {
    const { engine, registry } = this.#options;
    for (const agent of this.#missing.keys()) {
      const slot = registry.get(agent)?.slot;
      if (slot === undefined) continue;
      this.#endPending(slot, this.#doubtful.get(agent) ?? []);
      engine.hold(slot, undefined);
    }
    this.#missing.clear();
    this.#doubtful.clear();
    this.#isWaitOver = true;
  }

  /** An episode from ahead of the clock is none that the agent can have had: nothing could end it until then. */
  #reinstate(slot: number, episode: EpisodeKey, how: Reinstatement): boolean {
    const { clock, engine, futureToleranceUs, onReinstated } = this.#options;
    const { startedAtUs, rule } = episode;
    if (startedAtUs > clock.nowUs() + futureToleranceUs) return false;
    const wasFiring = engine.isFiring(rule, slot, startedAtUs);
    const isReinstated = engine.pastEpisodes.reinstate(slot, episode, how);
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

function tellsAll(outcomes: readonly Acknowledgement[]): boolean {
  let text = 0;
  for (const { result } of outcomes)
    if (result !== undefined) text += JSON.stringify(result).length;
  return outcomes.length < mostTold && text < mostToldText;
}

function actionsOf(parts: Iterable<Part>): ReadonlySet<string> {
  return new Set([...parts].flatMap(({ actions }) => [...actions.keys()]));
}
