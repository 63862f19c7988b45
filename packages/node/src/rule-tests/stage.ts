/**
 * The engine, told what a test says happens, in virtual time.
 *
 * Invariants
 * 1. Instants never go back. At one instant inputs come first, then samples that waited, ends of instructions, timers.
 * 2. What is told is what a node tells its engine: joined agents, frames of samples, events, changes, the clock.
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
} from "@myelin/core/rule-tests";
import { Engine, type Firing } from "../engine/index.ts";
import { HeldBack, mergePatch } from "../ingest/index.ts";
import type { Input, InputSample } from "./inputs.ts";

/** The instant at which every test begins: 2026-01-01T00:00:00Z. */
const beginUs = 1_767_225_600_000_000;
/** Parts of an agent in the engine: what the node observes, and the program. */
const parts = { node: 0, app: 1 } as const;
/** What the node alone observes. */
const observed: ReadonlySet<string> = new Set(["heartbeat_age"]);
const futureToleranceUs = 60_000_000;
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
  readonly rule: RuleName;
  readonly agent: string;
  readonly state: RuleStateName;
}

interface Presence {
  readonly slot: number;
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
  readonly #engine: Engine;
  readonly #held: HeldBack;
  /** What takes samples: the engine, or before it what holds them back. */
  readonly #intake: Pick<Engine, "apply">;
  readonly #test: RuleTest;
  readonly #present: Map<string, Presence> = new Map();
  readonly #ends: PendingEnd[] = [];
  readonly #states: Map<string, RuleStateName> = new Map();
  #nowUs = beginUs;

  constructor(
    rules: readonly RulePlan[],
    test: RuleTest,
    { latenessUs = 0, ...settings }: RuleTestSettings,
  ) {
    this.#test = test;
    this.#engine = new Engine({
      maxAgents: Math.max(1, test.agents.length),
      maxMetrics: Number.MAX_SAFE_INTEGER,
      futureToleranceUs,
      ...settings,
      hooks: { onFiring: (firing) => this.#onFiring(firing) },
    });
    const counters = { hurriedSamples: 0 };
    const { engine, maxSamples } = { engine: this.#engine, maxSamples: never };
    this.#held = new HeldBack({ engine, latenessUs, maxSamples, counters });
    this.#intake = latenessUs === 0 ? this.#engine : this.#held;
    const versions = rules.map((plan) => ({ plan, version: 1, meaningVersion: 1 }));
    this.#engine.setRules(versions, beginUs);
  }

  /** Lets an input happen: what is due before it comes before it. */
  tell(input: Input): void {
    this.#runTo(beginUs + input.atUs, "before");
    this.#nowUs = beginUs + input.atUs;
    switch (input.kind) {
      case "join":
        this.#join(input.agent);
        return;
      case "leave":
        this.#leave(input.agent);
        return;
      case "change":
        this.#change(input.change);
        break;
      case "samples":
        this.#apply(input.agent, input.samples);
        break;
      case "event": {
        const { agent, type, attrs } = input;
        const slot = this.#present.get(agent)?.slot;
        if (slot !== undefined)
          this.#engine.event(slot, parts.app, { type, attrs }, this.#nowUs, this.#nowUs);
      }
    }
    this.#noteStates(input.kind === "change" ? input.change.agent : input.agent);
  }

  /** Lets time pass up to an instant, and all happen that is due at it. */
  passTo(atUs: number): void {
    this.#runTo(beginUs + atUs, "at");
    this.#nowUs = beginUs + atUs;
  }

  /** The state of a rule for an agent now; undefined while the agent is not there. */
  state(rule: string, agent: string): RuleStateName | undefined {
    const slot = this.#present.get(agent)?.slot;
    if (slot === undefined) return undefined;
    return this.#engine.agentStates(slot).find((state) => state.rule === rule)?.state;
  }

  /** Runs timers and ends of instructions that are due before an instant, or at it too. */
  #runTo(untilUs: number, edge: "before" | "at"): void {
    for (;;) {
      const [end] = this.#ends;
      const heldUs = this.#held.count === 0 ? never : this.#held.nextDueUs;
      const endUs = end?.dueUs ?? never;
      const dueUs = Math.min(this.#engine.nextDueUs, heldUs, endUs);
      if (edge === "at" ? dueUs > untilUs : dueUs >= untilUs) return;
      this.#nowUs = Math.max(this.#nowUs, dueUs);
      if (heldUs <= dueUs) this.#held.release(this.#nowUs);
      else if (end !== undefined && endUs <= dueUs) {
        this.#ends.shift();
        this.#end(end.firing, end.status);
      } else this.#engine.advance(this.#nowUs);
      for (const agent of this.#present.keys()) this.#noteStates(agent);
    }
  }

  #join(agent: TestAgent): void {
    const { attributes, twin } = agent;
    const slot = this.#engine.join(attributes, this.#nowUs);
    this.#engine.startTimeLine(slot, parts.app, `${attributes.id}-${this.#nowUs}`);
    this.#present.set(attributes.id, { slot, attributes, twin });
    if (Object.keys(twin).length > 0)
      this.#engine.setTwin(slot, twin, undefined, parts.app, this.#nowUs, this.#nowUs);
    this.#noteStates(attributes.id);
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
    const slot = this.#present.get(agent)?.slot;
    if (slot === undefined) return;
    for (const part of [parts.node, parts.app]) {
      const own = samples.filter(({ metric }) => observed.has(metric) === (part === parts.node));
      if (own.length === 0) continue;
      this.#intake.apply(
        slot,
        part,
        own.length,
        Int32Array.from(own, ({ metric }) => this.#engine.metric(metric)),
        Float64Array.from(own, ({ value }) => value),
        Float64Array.from(own, ({ timeUs }) => beginUs + timeUs),
        this.#nowUs,
      );
    }
  }

  #onFiring(firing: Firing): void {
    const { plan, agent, args, episode, isShadow, isSuppressed } = firing;
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
    this.#engine.instructionEnded(rule, slot, end);
  }

  #noteStates(agent: string): void {
    const slot = this.#present.get(agent)?.slot;
    if (slot === undefined) return;
    for (const { rule, state } of this.#engine.agentStates(slot))
      this.#noteState(rule, agent, state);
  }

  #noteState(rule: RuleName, agent: string, state: RuleStateName): void {
    const key = `${rule} ${agent}`;
    if ((this.#states.get(key) ?? "inactive") === state) return;
    this.#states.set(key, state);
    this.turns.push({ atUs: this.#nowUs - beginUs, rule, agent, state });
  }
}
