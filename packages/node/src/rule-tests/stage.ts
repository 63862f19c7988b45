/**
 * The engine, told what a test says happens, in virtual time.
 *
 * Invariants
 * 1. Instants never go back. At one instant inputs come first, then samples that waited, ends of instructions, timers.
 * 2. What is told is what a node tells its engine: joined agents, frames of samples, events, changes, the clock.
 * 3. A restart is another engine, which is told what a node keeps. Samples that waited for older ones come again.
 */
import type { RuleName } from "@myelin/core/ids";
import { mayTryAgain } from "@myelin/core/instruction";
import type { JsonObject } from "@myelin/core/json";
import type { AgentAttributes, RulePlan } from "@myelin/core/rules";
import type {
  InstructionMode,
  OutcomeStatus,
  RuleStateName,
  RuleTest,
  RuleTestSettings,
  TestAgent,
  TestChange,
  TestRuleChanges,
} from "@myelin/core/rule-tests";
import type { Engine, Firing } from "../engine/index.ts";
import { mergePatch } from "../ingest/index.ts";
import { type Part, parts, ReplayedEngine } from "../replay/index.ts";
import { type FunctionResult, resultOf, type RuleFunction } from "./functions.ts";
import type { Input, InputSample } from "./inputs.ts";
import { Memory } from "./memory.ts";
import { partOf } from "./parts.ts";
import { RuleVersions } from "./rule-versions.ts";

/** The instant at which every test begins: 2026-01-01T00:00:00Z. */
const beginUs = 1_767_225_600_000_000;
const never = Number.POSITIVE_INFINITY;

/** An instruction that a rule decided on. */
export interface Given {
  readonly rule: RuleName;
  readonly agent: string;
  readonly action: string;
  readonly args: JsonObject;
  /** When it was decided on the test's clock, microseconds from its beginning. */
  readonly atUs: number;
  readonly attempt: number;
  readonly mode: InstructionMode;
}

/** A rule's state for an agent, from an instant on. */
export interface Turn {
  readonly atUs: number;
  readonly rule: string;
  readonly agent: string;
  readonly state: RuleStateName;
}

interface Presence {
  slot: number;
  /** Name of the program's time line. */
  readonly line: string;
  /** Samples that may wait for older ones. */
  waiting: readonly InputSample[];
  attributes: AgentAttributes;
  twin: JsonObject;
}

interface PendingEnd {
  readonly dueUs: number;
  readonly firing: Firing;
  readonly status: OutcomeStatus;
}

export class Stage {
  /** All instructions so far. */
  readonly given: Given[] = [];
  /** How states changed so far; before its first turn a rule is inactive. */
  readonly turns: Turn[] = [];
  readonly rules: RuleVersions;
  readonly #test: RuleTest;
  readonly #settings: RuleTestSettings;
  readonly #present: Map<string, Presence> = new Map();
  readonly #ends: PendingEnd[] = [];
  readonly #states: Map<string, RuleStateName> = new Map();
  readonly #memory = new Memory();
  #replayed: ReplayedEngine;

  constructor(rules: readonly RulePlan[], test: RuleTest, settings: RuleTestSettings) {
    this.#test = test;
    this.#settings = settings;
    this.rules = new RuleVersions(rules);
    this.#replayed = this.#newEngine(beginUs);
    this.#engine.setRules(this.rules.inForce, beginUs);
  }

  #newEngine(atUs: number): ReplayedEngine {
    return new ReplayedEngine({
      settings: this.#settings,
      maxAgents: Math.max(1, this.#test.agents.length),
      atUs,
      // Without a hook for it what is pending is not noted.
      hooks: { onFiring: (firing) => this.#onFiring(firing), onPendingChange: () => undefined },
    });
  }

  get #engine(): Engine {
    return this.#replayed.engine;
  }

  get #nowUs(): number {
    return this.#replayed.nowUs;
  }

  /** Lets an input happen: what is due before it comes before it. */
  tell(input: Input): void {
    this.#runTo(beginUs + input.atUs, "before");
    this.#replayed.moveTo(beginUs + input.atUs);
    switch (input.kind) {
      case "join":
        this.#join(input.agent);
        return;
      case "leave":
        this.#leave(input.agent);
        return;
      case "restart":
        this.#restart(beginUs + input.backUs);
        return;
      case "rules":
        this.#changeRules(input.change);
        return;
      case "change":
        this.#change(input.change);
        break;
      case "samples":
        this.#apply(input.agent, input.samples);
        break;
      case "event": {
        const { agent, type, attrs, timeUs } = input;
        const slot = this.#present.get(agent)?.slot;
        if (slot !== undefined)
          this.#engine.event(slot, parts.app, { type, attrs }, beginUs + timeUs, this.#nowUs);
      }
    }
    this.#noteStates(input.kind === "change" ? input.change.agent : input.agent);
  }

  /** Lets time pass up to an instant, and all happen that is due at it; nothing while the node is down. */
  passTo(atUs: number): void {
    if (beginUs + atUs < this.#nowUs) return;
    this.#runTo(beginUs + atUs, "at");
    this.#replayed.moveTo(beginUs + atUs);
  }

  /** The state of a rule for an agent now, inactive when it is not in force; undefined while the agent is not there. */
  state(rule: string, agent: string): RuleStateName | undefined {
    const slot = this.#present.get(agent)?.slot;
    if (slot === undefined) return undefined;
    const states = this.#engine.agentStates(slot);
    return states.find((state) => state.rule === rule)?.state ?? "inactive";
  }

  /** What functions of a rule gave at an agent's last evaluation; unknown while it is not there. */
  resultsOf(functions: readonly RuleFunction[], agent: string): readonly FunctionResult[] {
    const slot = this.#present.get(agent)?.slot;
    return functions.map((one) =>
      slot === undefined ? undefined : resultOf(this.#engine, slot, one),
    );
  }

  /** Runs timers and ends of instructions that are due before an instant, or at it too. */
  #runTo(untilUs: number, edge: "before" | "at"): void {
    for (;;) {
      const [end] = this.#ends;
      const heldUs = this.#replayed.heldDueUs;
      const endUs = end?.dueUs ?? never;
      const dueUs = Math.min(this.#replayed.dueUs, endUs);
      if (edge === "at" ? dueUs > untilUs : dueUs >= untilUs) return;
      this.#replayed.moveTo(dueUs);
      if (heldUs <= dueUs) this.#replayed.release();
      else if (end !== undefined && endUs <= dueUs) {
        this.#ends.shift();
        this.#end(end.firing, end.status);
      } else this.#engine.advance(this.#nowUs);
      for (const agent of this.#present.keys()) this.#noteStates(agent);
    }
  }

  #join(agent: TestAgent): void {
    const { attributes, twin } = agent;
    const line = `${attributes.id}-${this.#nowUs}`;
    const slot = this.#attach(attributes, line);
    this.#present.set(attributes.id, { slot, line, waiting: [], attributes, twin });
    this.#report(attributes.id);
  }

  #attach(attributes: AgentAttributes, line: string): number {
    const slot = this.#replayed.join(attributes, line);
    this.#memory.takeUp(this.#engine, { agent: attributes.id, slot });
    return slot;
  }

  /** An agent that is there from now on reports its state. */
  #report(agent: string): void {
    const { slot, twin } = this.#present.get(agent) as Presence;
    if (Object.keys(twin).length > 0)
      this.#engine.setTwin(slot, twin, undefined, parts.app, this.#nowUs, this.#nowUs);
    this.#noteStates(agent);
  }

  /** The node stops, and is back at an instant with what it keeps; so are the agents. */
  #restart(backUs: number): void {
    const places = [...this.#present].map(([agent, { slot }]) => ({ agent, slot }));
    for (const { agent } of places) this.#settle(agent);
    this.#memory.keep(this.#engine, places, this.#nowUs);
    this.#replayed = this.#newEngine(backUs);
    this.#memory.begin(this.#engine, backUs);
    this.#engine.setRules(this.rules.inForce, backUs);
    for (const present of this.#present.values())
      present.slot = this.#attach(present.attributes, present.line);
    for (const { agent } of places) {
      this.#report(agent);
      const present = this.#present.get(agent) as Presence;
      const { waiting } = present;
      present.waiting = [];
      this.#apply(agent, waiting);
    }
  }

  /** Finds out up to where an agent's samples were applied, and which of them wait still. */
  #settle(agent: string): void {
    const present = this.#present.get(agent) as Presence;
    const untilUs = (part: Part): number => this.#replayed.appliedUs(present.slot, part);
    for (const part of Object.values(parts)) this.#memory.applied(agent, part, untilUs(part));
    present.waiting = present.waiting.filter(
      ({ metric, timeUs }) => beginUs + timeUs > untilUs(partOf(metric)),
    );
  }

  #changeRules(change: TestRuleChanges): void {
    this.rules.change(change);
    this.#engine.setRules(this.rules.inForce, this.#nowUs);
    for (const agent of this.#present.keys()) this.#noteStates(agent);
    for (const { rule, fields } of change.rules)
      if (fields === undefined)
        for (const agent of this.#present.keys()) this.#noteState(rule, agent, "inactive");
  }

  #leave(agent: string): void {
    const present = this.#present.get(agent);
    if (present === undefined) return;
    for (const { rule } of this.#engine.agentStates(present.slot))
      this.#noteState(rule, agent, "inactive");
    this.#engine.leave(present.slot, this.#nowUs);
    this.#present.delete(agent);
  }

  #change({ agent, twin, attributes }: TestChange): void {
    const present = this.#present.get(agent);
    if (present === undefined) return;
    if (Object.keys(attributes).length > 0) {
      present.attributes = { ...present.attributes, ...attributes };
      this.#engine.setAttributes(present.slot, present.attributes, this.#nowUs);
    }
    if (twin === undefined) return;
    present.twin = mergePatch(present.twin, twin);
    const [state, nowUs] = [present.twin, this.#nowUs];
    this.#engine.setTwin(present.slot, state, Object.keys(twin), parts.app, nowUs, nowUs);
  }

  #apply(agent: string, samples: readonly InputSample[]): void {
    const present = this.#present.get(agent);
    if (present === undefined) return;
    for (const part of Object.values(parts)) {
      const own = samples.filter(({ metric }) => partOf(metric) === part);
      if (own.length === 0) continue;
      const placed = own.map(({ timeUs, ...sample }) => ({ ...sample, timeUs: beginUs + timeUs }));
      this.#replayed.samples(present.slot, part, placed);
    }
    present.waiting = [...present.waiting, ...samples];
    this.#settle(agent);
  }

  #onFiring(firing: Firing): void {
    const { plan, agent, args, episode, isShadow, isSuppressed } = firing;
    this.#memory.fired(firing);
    const mode = isShadow ? "shadow" : isSuppressed ? "suppressed" : "sent";
    const { attempt } = episode;
    const atUs = this.#nowUs - beginUs;
    this.given.push({ rule: plan.name, agent, action: plan.action, args, atUs, attempt, mode });
    // As a node ends at once what is not sent.
    if (mode !== "sent") return this.#end(firing, mode === "shadow" ? "canceled" : "rejected");
    const outcome = this.#test.outcomes.find(
      (each) =>
        (each.rule ?? plan.name) === plan.name &&
        (each.agent ?? agent) === agent &&
        (each.action ?? plan.action) === plan.action &&
        (each.attempt ?? attempt) === attempt,
    );
    const { status, afterUs } = outcome ?? { status: "executed", afterUs: 0 };
    if (afterUs === 0) return this.#end(firing, status);
    this.#ends.push({ dueUs: this.#nowUs + afterUs, firing, status });
    this.#ends.sort((a, b) => a.dueUs - b.dueUs);
  }

  #end({ episode, agent }: Firing, status: OutcomeStatus): void {
    const slot = this.#present.get(agent)?.slot;
    if (slot === undefined) return;
    const { rule, attempt, startedAtUs } = episode;
    const end = { succeeded: !mayTryAgain(status), endedAtUs: this.#nowUs, attempt, startedAtUs };
    this.#memory.ended(episode, end);
    this.#engine.instructionEnded(rule, slot, end);
  }

  #noteStates(agent: string): void {
    const slot = this.#present.get(agent)?.slot;
    if (slot === undefined) return;
    for (const { rule, state } of this.#engine.agentStates(slot))
      this.#noteState(rule, agent, state);
  }

  #noteState(rule: string, agent: string, state: RuleStateName): void {
    const key = `${rule} ${agent}`;
    if ((this.#states.get(key) ?? "inactive") === state) return;
    this.#states.set(key, state);
    this.turns.push({ atUs: this.#nowUs - beginUs, rule, agent, state });
  }
}
