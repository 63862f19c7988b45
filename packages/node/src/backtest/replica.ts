/**
 * A node's engine with one set of rules, told a recording.
 *
 * Invariants
 * 1. It is told what the node's engine was told, in that order and at those instants. Between two inputs its own timers run
 *    when they are due, unless the node ran timers within a second after: then with those.
 * 2. An instruction ends when the recording says that it did; one of which it says nothing is executed at once, unless the
 *    agent leaves so soon that nobody may have heard of an end.
 * 3. When a run of the node begins, agents that were there stay as they were, and are asked nothing until they are back.
 */
import { type InstructionStatus, mayTryAgain } from "@myelin/core/instruction";
import { defaultAttributes, type Recorded } from "@myelin/core/recordings";
import type { AgentAttributes, RulePlan } from "@myelin/core/rules";
import type { InstructionMode, RuleTestSettings } from "@myelin/core/rule-tests";
import type { EngineCounters, Firing } from "../engine/index.ts";
import { ReplayedEngine } from "../replay/index.ts";
import { type BacktestFiring, type BreakerTurn, RuleCount, type RuleFigures } from "./figures.ts";
import { endKey, type Scout } from "./scout.ts";

export interface ReplicaOptions {
  readonly rules: readonly RulePlan[];
  readonly settings: RuleTestSettings;
  /** When the rules come into force. */
  readonly atUs: number;
  /** What is decided before counts for nothing. */
  readonly fromUs: number;
  /** What is to come in a node's own recording. */
  readonly scout: Scout | undefined;
  readonly onFiring: (firing: BacktestFiring) => void;
  readonly onBreaker: (turn: BreakerTurn) => void;
}

/** What became of what one set of rules was told. */
export interface SideFigures {
  readonly rules: readonly RuleFigures[];
  /** Samples and events that the engine dropped as late, and refused as too far ahead. */
  readonly late: number;
  readonly future: number;
}

/** How an instruction ends of which the recording says nothing. */
const statusAtOnce = { sent: "executed", shadow: "canceled", suppressed: "rejected" } as const;
/** Most agents at once. */
const maxAgents = 1_000_000;
/** How long after it was due a node may have run a timer. */
const latestTimersUs = 1_000_000;
/** How soon an input of the agent may have come before a timer that the node was about to run. */
const hastyInputUs = 20_000;

/** How long a node gives an answer to an instruction beyond its times. */
const graceUs = 60_000_000;

/** How long an instruction of a rule may be open in a node. */
export function lifeUsOf({ deadlineUs, timeoutUs }: RulePlan): number {
  return deadlineUs + timeoutUs + graceUs;
}

export class Replica {
  readonly #options: ReplicaOptions;
  readonly #replayed: ReplayedEngine;
  readonly #slots: Map<string, number> = new Map();
  /** Agents, by slot, for what the engine tells by slot. */
  readonly #agents: (string | undefined)[] = [];
  /** Those who have not come back since the node's run began. */
  readonly #away = new Set<string>();
  readonly #counts: Map<string, RuleCount> = new Map();
  /** Instructions whose ends are to come. */
  readonly #open = new Set<string>();
  readonly #actions: ReadonlySet<string>;
  /** What is due next, as last seen, and when it is to run. */
  #nextDueUs: number = Number.POSITIVE_INFINITY;
  #nextRunUs: number = Number.POSITIVE_INFINITY;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    const { rules, settings, atUs, onBreaker } = options;
    this.#actions = new Set(rules.map(({ action }) => action));
    for (const plan of rules) this.#counts.set(plan.name, new RuleCount(plan));
    this.#replayed = new ReplayedEngine({
      ...{ rules, settings, maxAgents, atUs },
      hooks: {
        onFiring: (firing) => this.#onFiring(firing),
        onEpisodeEnd: (rule, slot, endUs, startedAtUs) => {
          const agent = this.#agents[slot];
          if (agent !== undefined) this.#counts.get(rule)?.ended(agent, endUs, startedAtUs);
        },
        onBreaker: (rule, isOpen) => {
          if (this.#isBefore) return;
          if (isOpen) this.#counts.get(rule)?.breakerOpened();
          onBreaker({ rule, atUs: this.#replayed.nowUs, isOpen });
        },
      },
    });
  }

  /** Tells it what the node was told; what is due before comes before. */
  tell(entry: Recorded): void {
    this.#runBefore(entry.atUs);
    this.#replayed.moveTo(entry.atUs);
    const { engine } = this.#replayed;
    switch (entry.kind) {
      case "start":
        return this.#start();
      case "gap":
        return;
      case "join":
        return this.#join(entry.agent, entry.attributes);
      case "leave":
        return this.#leave(entry.agent);
      case "attributes":
        return engine.setAttributes(this.#slot(entry.agent), entry.attributes, this.#nowUs);
      case "line":
        return engine.startTimeLine(this.#slot(entry.agent), entry.part, entry.line);
      case "samples":
        return this.#replayed.samples(this.#slot(entry.agent), entry.part, entry.samples);
      case "event": {
        const { agent, part, type, attrs, timeUs } = entry;
        return engine.event(this.#slot(agent), part, { type, attrs }, timeUs, this.#nowUs);
      }
      case "twin": {
        const { agent, part, twin, fields, timeUs } = entry;
        return engine.setTwin(this.#slot(agent), twin, fields, part, timeUs, this.#nowUs);
      }
      case "end":
        return this.#end(entry);
      case "timers":
        return this.#replayed.runDue();
    }
  }

  /** Lets time pass to an instant, and all happen that is due at it; samples that wait wait no longer. */
  finish(atUs: number): void {
    this.#runBefore(atUs);
    this.#replayed.moveTo(atUs);
    this.#replayed.runDue();
    for (let dueUs = this.#replayed.heldDueUs; dueUs < Infinity; dueUs = this.#replayed.heldDueUs) {
      this.#replayed.moveTo(dueUs);
      this.#replayed.release();
    }
  }

  figures(): SideFigures {
    const { late, future }: EngineCounters = this.#replayed.engine.counters;
    const rules = [...this.#counts.values()].map((count) => count.figures(this.#nowUs));
    return { rules: rules.toSorted((a, b) => (a.rule < b.rule ? -1 : 1)), late, future };
  }

  get #nowUs(): number {
    return this.#replayed.nowUs;
  }

  /** True while what is decided counts for nothing. */
  get #isBefore(): boolean {
    return this.#nowUs < this.#options.fromUs;
  }

  #runBefore(untilUs: number): void {
    const { scout } = this.#options;
    for (;;) {
      const dueUs = this.#dueUs();
      if (!(dueUs < untilUs)) return;
      if (scout !== undefined) {
        if (scout.nextTimersUs <= dueUs + latestTimersUs) return;
        // An input that comes at once was before the timer, if the node had any: it ran none.
        if (untilUs <= dueUs + hastyInputUs) return;
      }
      this.#replayed.moveTo(dueUs);
      this.#replayed.runDue();
    }
  }

  /** When a node would look at what is due next: not before it became known, though it may be due since longer. */
  #dueUs(): number {
    const { dueUs } = this.#replayed;
    if (dueUs !== this.#nextDueUs) {
      this.#nextDueUs = dueUs;
      this.#nextRunUs = Math.max(dueUs, this.#nowUs);
    }
    return this.#nextRunUs;
  }

  #start(): void {
    const { engine } = this.#replayed;
    if (this.#slots.size > 0) engine.restarted(this.#nowUs);
    for (const [agent, slot] of this.#slots) {
      this.#away.add(agent);
      engine.hold(slot, this.#actions);
    }
  }

  /** The agent's slot; one of which nothing was told joins as what it is by default. */
  #slot(agent: string): number {
    const slot = this.#slots.get(agent);
    if (slot === undefined) return this.#admit(agent, defaultAttributes(agent));
    if (this.#away.size > 0) this.#comeBack(agent, slot);
    return slot;
  }

  #join(agent: string, attributes: AgentAttributes): void {
    const slot = this.#slots.get(agent);
    if (slot === undefined) {
      this.#admit(agent, attributes);
      return;
    }
    this.#comeBack(agent, slot);
    this.#replayed.engine.setAttributes(slot, attributes, this.#nowUs);
  }

  #admit(agent: string, attributes: AgentAttributes): number {
    const slot = this.#replayed.join(attributes);
    this.#slots.set(agent, slot);
    this.#agents[slot] = agent;
    return slot;
  }

  #comeBack(agent: string, slot: number): void {
    if (this.#away.delete(agent)) this.#replayed.engine.hold(slot, undefined);
  }

  #leave(agent: string): void {
    const slot = this.#slots.get(agent);
    if (slot === undefined) return;
    this.#slots.delete(agent);
    this.#away.delete(agent);
    this.#replayed.engine.leave(slot, this.#nowUs);
    this.#agents[slot] = undefined;
  }

  #onFiring(firing: Firing): void {
    const { plan, agent, args, episode, sampleTimeUs } = firing;
    const { startedAtUs, attempt } = episode;
    const mode: InstructionMode = firing.isShadow
      ? "shadow"
      : firing.isSuppressed
        ? "suppressed"
        : "sent";
    if (!this.#isBefore) {
      const decided: BacktestFiring = {
        ...{ rule: plan.name, agent, action: plan.action, args },
        ...{ atUs: this.#nowUs, timeUs: sampleTimeUs, startedAtUs, attempt, mode },
      };
      this.#counts.get(plan.name)?.fired(decided);
      this.#options.onFiring(decided);
    }
    // As a node ends at once what is not sent.
    if (mode === "sent" && this.#endsLater(firing))
      this.#open.add(endKey(plan.name, agent, startedAtUs, attempt));
    else this.#instructionEnded(firing, statusAtOnce[mode]);
  }

  #endsLater({ plan, agent, episode }: Firing): boolean {
    const { scout } = this.#options;
    if (scout === undefined) return false;
    if (scout.hasEnd(plan.name, agent, episode.startedAtUs, episode.attempt)) return true;
    return scout.leavesUs(agent) <= this.#nowUs + lifeUsOf(plan);
  }

  #instructionEnded({ episode, slot }: Firing, status: InstructionStatus): void {
    const { rule, attempt, startedAtUs } = episode;
    const succeeded = !mayTryAgain(status);
    const end = { succeeded, endedAtUs: this.#nowUs, attempt, startedAtUs };
    this.#replayed.engine.instructionEnded(rule, slot, end);
  }

  #end(entry: Extract<Recorded, { readonly kind: "end" }>): void {
    const { agent, rule, attempt, startedAtUs, succeeded, endedAtUs = this.#nowUs } = entry;
    const slot = this.#slots.get(agent);
    const isOpen = this.#open.delete(endKey(rule, agent, startedAtUs, attempt));
    const plan = this.#options.rules.find(({ name }) => name === rule);
    if (!isOpen || slot === undefined || plan === undefined) return;
    const end = { succeeded, endedAtUs, attempt, startedAtUs };
    this.#replayed.engine.instructionEnded(plan.name, slot, end);
  }
}
