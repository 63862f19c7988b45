/**
 * What a node keeps for its next start, taken from one engine and given to the next as the node does: what rules read of
 * the past by its histories, episodes and what is pending by its journal.
 *
 * Invariants
 * 1. An agent's part is taken up before its first input.
 * 2. The latest instruction of each rule and agent is known with its end, so that no episode has a second one.
 */
import type { EpisodeKey } from "@myelin/core/ids";
import {
  type Engine,
  type Firing,
  type HistoryLayout,
  type HistoryRecord,
  type InstructionEnd,
  type PendingChange,
  WordWriter,
} from "../engine/index.ts";
import { type Part, parts } from "../replay/index.ts";

/** The latest instruction of a rule for an agent. */
interface Latest {
  readonly episode: EpisodeKey;
  end: Pick<InstructionEnd, "succeeded" | "endedAtUs"> | undefined;
}

/** An agent that is there, as the engine knows it. */
export interface Place {
  readonly agent: string;
  readonly slot: number;
}

/** What was kept when the node stopped. */
interface Kept {
  readonly layout: HistoryLayout;
  readonly atUs: number;
  /** By agent, until it is taken up. */
  readonly histories: Map<string, HistoryRecord>;
  readonly pending: readonly PendingChange[];
  /** Rules that fired, as `rule agent`. */
  readonly firing: ReadonlySet<string>;
}

export class Memory {
  readonly #latest: Map<string, Latest> = new Map();
  /** By agent and part the time of the newest sample, microseconds. */
  readonly #newestUs: Map<string, number> = new Map();
  /** Agents that have not come again since the node started. */
  readonly #away: Set<string> = new Set();
  #kept: Kept | undefined;

  fired({ plan, agent, episode }: Firing): void {
    this.#latest.set(`${plan.name} ${agent}`, { episode, end: undefined });
  }

  ended({ agent, rule, attempt, startedAtUs }: EpisodeKey, end: InstructionEnd): void {
    const latest = this.#latest.get(`${rule} ${agent}`);
    if (latest?.episode.startedAtUs === startedAtUs && latest.episode.attempt === attempt)
      latest.end = { succeeded: end.succeeded, endedAtUs: end.endedAtUs };
  }

  /** Samples up to an instant were applied; none yet where that is not above 0. */
  applied(agent: string, part: Part, untilUs: number): void {
    const key = `${agent} ${part}`;
    this.#newestUs.set(key, Math.max(untilUs, this.#newestUs.get(key) ?? untilUs));
  }

  /** Takes from an engine what is kept of it. */
  keep(engine: Engine, places: readonly Place[], atUs: number): void {
    const { histories } = engine;
    // Follows the rules in force, which records are written by.
    histories.changedLayout();
    const { layout } = histories;
    const writer = new WordWriter();
    const records = places.map(({ agent, slot }): [string, HistoryRecord] => {
      histories.write(slot, writer, () => ({ samplesUs: 0, eventsUs: 0 }), []);
      const words = writer.take();
      return [agent, { layout, words, at: 0, end: words.length }];
    });
    const firing = places.flatMap(({ agent, slot }) =>
      engine
        .agentStates(slot)
        .flatMap(({ rule, state }) => (state === "firing" ? [`${rule} ${agent}`] : [])),
    );
    const pending = engine.takePendingChanges();
    const kept = { layout, atUs, histories: new Map(records), pending };
    this.#kept = { ...kept, firing: new Set(firing) };
    this.#away.clear();
    for (const { episode } of this.#latest.values()) this.#away.add(episode.agent);
  }

  /** Tells another engine what concerns all agents, before rules are put in force. */
  begin(engine: Engine, nowUs: number): void {
    engine.restarted(nowUs);
    if (this.#kept !== undefined) engine.histories.adopt(this.#kept.layout);
  }

  /** Tells the engine what was kept of an agent that is back, or that comes again later. */
  takeUp(engine: Engine, { agent, slot }: Place): void {
    const kept = this.#kept;
    const past = kept?.histories.get(agent);
    if (kept === undefined) return;
    if (past !== undefined) {
      kept.histories.delete(agent);
      this.#takeUpPast(engine, { agent, slot }, past);
    }
    if (this.#away.delete(agent))
      for (const [key, { episode, end }] of this.#latest) {
        if (episode.agent !== agent) continue;
        // Of one that has left its cooldowns count alone.
        const isOver = past === undefined || !kept.firing.has(key);
        const told =
          end ?? (past === undefined ? { succeeded: true, endedAtUs: kept.atUs } : undefined);
        engine.pastEpisodes.reinstate(slot, episode, {
          isOver,
          ...(told === undefined ? {} : { end: told }),
        });
      }
    for (const { agent: of, rule, pending } of kept.pending)
      if (of === agent && past !== undefined && pending !== undefined)
        engine.pastEpisodes.reinstatePending(slot, rule, pending);
  }

  #takeUpPast(engine: Engine, { agent, slot }: Place, past: HistoryRecord): void {
    engine.takeUpHistory(slot, [past], {
      latestUs: Number.POSITIVE_INFINITY,
      isSameClock: (line, other) => line === other,
      onMark: () => undefined,
    });
    for (const part of Object.values(parts)) {
      const newestUs = this.#newestUs.get(`${agent} ${part}`);
      if (newestUs !== undefined && newestUs > 0) engine.appliedBefore(slot, part, newestUs);
    }
  }
}
