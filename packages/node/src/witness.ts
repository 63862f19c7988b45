/**
 * Tells the watch what happens in the arc, in the words of events.
 *
 * Invariants
 * 1. What only a watcher needs is looked up only while events are kept.
 * 2. A part is told to hang once, and then to have recovered, or to be away or gone.
 */
import type { ChannelEnd } from "@myelin/core/channel";
import type { AgentId, EpisodeKey, PartName, RuleName } from "@myelin/core/ids";
import { formatTime } from "@myelin/core/instruction";
import type { JsonObject } from "@myelin/core/json";
import type { AgentAttributes } from "@myelin/core/rules";
import type { EventMessage } from "@myelin/core/wire";
import type { Engine, Firing } from "./engine/index.ts";
import type { Agent, Registry } from "./registry/index.ts";
import type { RuleBook } from "./rules/index.ts";
import type { Attachment, PartSession, SessionStation } from "./session/index.ts";
import type { Watch } from "./watch/index.ts";

export interface WitnessOptions {
  readonly watch: Watch;
  readonly engine: Pick<Engine, "latestValue">;
  readonly registry: Pick<Registry, "bySlot">;
  readonly rules: Pick<RuleBook, "get">;
  readonly sessions: Pick<SessionStation, "of">;
  /** Silence from which on a part counts as hung, seconds. */
  readonly hungAfterSeconds: number;
}

export class Witness {
  readonly #options: WitnessOptions;
  readonly #hung = new Map<AgentId, Set<PartName>>();

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  attached({ agent, part }: PartSession, { isResumed, isNewIncarnation }: Attachment): void {
    this.#forgetHung(agent.id, part.name);
    const { incarnation } = part;
    const detail = { part: part.name, incarnation, isResumed, isNewIncarnation };
    this.#options.watch.agent("connected", agent.id, agent.attributes, detail);
  }

  detached({ agent, part, state }: PartSession, end: ChannelEnd): void {
    this.#forgetHung(agent.id, part.name);
    const type = state.kind === "away" ? "away" : "gone";
    const code = end.code === undefined ? {} : { code: end.code };
    const detail = { part: part.name, ...code, reason: end.reason };
    this.#options.watch.agent(type, agent.id, agent.attributes, detail);
  }

  forgotten(id: AgentId, attributes: AgentAttributes): void {
    this.#options.watch.agent("forgotten", id, attributes, {});
  }

  /** An agent tells what happened at it. */
  reported(
    { id, attributes: who }: Agent,
    part: string,
    event: EventMessage,
    timeUs: number,
  ): void {
    const { type, attributes } = event;
    this.#options.watch.told(type, id, who, () => ({
      part,
      at: formatTime(timeUs),
      attributes,
    }));
  }

  /** The worst silence of an agent, as the heartbeats see it. */
  aged(agent: Agent, ageSeconds: number, nowUs: number): void {
    if (ageSeconds < this.#options.hungAfterSeconds) {
      if (this.#hung.size > 0) this.#recovered(agent);
      return;
    }
    const hung = this.#hung.get(agent.id) ?? new Set<PartName>();
    for (const session of this.#options.sessions.of(agent).values()) {
      const { name, hold } = session.part;
      if (!session.isLive || hold !== "running") continue;
      if (session.answers(nowUs)) {
        if (hung.delete(name)) this.#tell("recovered", agent, name);
      } else if (!hung.has(name)) {
        hung.add(name);
        this.#tell("hung", agent, name, { silenceSeconds: session.silenceUs(nowUs) / 1e6 });
      }
    }
    if (hung.size > 0) this.#hung.set(agent.id, hung);
    else this.#hung.delete(agent.id);
  }

  /** A rule decided; the first instruction of an episode begins its firing. */
  fired(firing: Firing): void {
    const { episode, slot, plan, ruleVersion, id, isShadow, isSuppressed } = firing;
    if (episode.attempt > 1) return;
    this.#episode("firing", plan.name, slot, () => ({
      since: formatTime(episode.startedAtUs),
      ruleVersion,
      instruction: id,
      isShadow,
      isSuppressed,
      values: this.#values(plan.name, slot),
    }));
  }

  /** A rule fires on in an episode that began before the node's start. */
  reinstated(episode: EpisodeKey, slot: number): void {
    this.#episode("firing", episode.rule, slot, () => ({
      since: formatTime(episode.startedAtUs),
      isReinstated: true,
      values: this.#values(episode.rule, slot),
    }));
  }

  /** Something else happened to a rule for an agent. */
  changed(
    type: "pending" | "lapsed" | "resolved",
    rule: RuleName,
    slot: number,
    atUs: number,
  ): void {
    this.#episode(type, rule, slot, () => ({
      at: formatTime(atUs),
      values: this.#values(rule, slot),
    }));
  }

  #episode(
    type: "pending" | "lapsed" | "firing" | "resolved",
    rule: RuleName,
    slot: number,
    detail: () => JsonObject,
  ): void {
    const agent = this.#options.registry.bySlot(slot);
    if (agent !== undefined)
      this.#options.watch.episode(type, rule, agent.id, agent.attributes, detail);
  }

  /** Latest values of what a rule reads, for an agent, but those that are unknown. */
  #values(rule: RuleName, slot: number): JsonObject {
    const read = this.#options.rules.get(rule)?.plan.inputs.metrics ?? [];
    const values: Record<string, number | string> = Object.create(null);
    for (const metric of read) {
      const value = this.#options.engine.latestValue(slot, metric);
      if (!Number.isNaN(value)) values[metric] = Number.isFinite(value) ? value : String(value);
    }
    return values;
  }

  #recovered(agent: Agent): void {
    const hung = this.#hung.get(agent.id);
    if (hung === undefined) return;
    this.#hung.delete(agent.id);
    for (const name of hung) this.#tell("recovered", agent, name);
  }

  #tell(type: "hung" | "recovered", agent: Agent, part: PartName, more: JsonObject = {}): void {
    this.#options.watch.agent(type, agent.id, agent.attributes, { part, ...more });
  }

  #forgetHung(agent: AgentId, part: PartName): void {
    const hung = this.#hung.get(agent);
    if (hung?.delete(part) === true && hung.size === 0) this.#hung.delete(agent);
  }
}
