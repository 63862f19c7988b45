/**
 * The agents the node knows, present or away, and their records on disk.
 *
 * Invariants
 * 1. An agent has an engine slot exactly while at least one of its parts has a session.
 * 2. The number of agents is bounded; a newcomer beyond the bound is refused, nobody is dropped for it.
 * 3. A part that is refused changes nothing: neither what is known of its agent nor who has a slot.
 * 4. Records are written behind: what is lost in a crash is told again by the agents' next hello.
 */
import { FewMap } from "../few/index.ts";
import { Alike } from "./alike.ts";
import type { Clock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { AgentId } from "@myelin/core/ids";
import type { AgentAttributes } from "@myelin/core/rules";
import type { Hello } from "@myelin/core/wire";
import type { AgentRecord, Store } from "../ports/store.ts";
import { type Agent, lineName, type Part, uniteAttributes } from "./agent.ts";
import { type Declaration, declarationOf, parseTimeLine } from "./declaration.ts";
import { agentOfRecord } from "./record.ts";
import { WriteBehind } from "./write-behind.ts";

/** Where agents get their state: the engine, seen from here. */
export interface Slots {
  join(attributes: AgentAttributes, atUs: number): number;
  leave(slot: number, atUs: number): void;
  setAttributes(slot: number, attributes: AgentAttributes, atUs: number): void;
  startTimeLine(slot: number, partIndex: number, name: string): void;
}

export interface RegistryOptions {
  readonly clock: Clock;
  readonly store: Pick<Store, "saveAgents" | "forgetAgent">;
  readonly slots: Slots;
  /** Most agents known, present and away. */
  readonly maxAgents: number;
  /** Most parts of one agent. */
  readonly maxParts: number;
  /** Told when the record on disk could not be written; the next write tries again. */
  readonly onStoreError: (error: MyelinError) => void;
  /** Told of an agent that is not known any more. */
  readonly onForgotten: (id: AgentId, attributes: AgentAttributes) => void;
}

/** What an admitted hello meant. */
export interface Admission {
  readonly agent: Agent;
  readonly part: Part;
  /** True when the part was known in another incarnation. */
  readonly isNewIncarnation: boolean;
}

/** When an agent was last seen is written this often while it is present. */
const writeSeenEveryUs = 60_000_000;
/** Spreads those writes over the time, by slot. */
const spreadUs = 997_000;

export class Registry {
  readonly #options: RegistryOptions;
  readonly #agents = new Map<AgentId, Agent>();
  readonly #bySlot: (Agent | undefined)[] = [];
  readonly #alike = new Alike();
  readonly #writeBehind: WriteBehind;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const { clock, store, onStoreError } = options;
    this.#writeBehind = new WriteBehind({
      clock,
      store,
      onStoreError,
      isKnown: (agent) => this.#agents.get(agent.id) === agent,
    });
  }

  /** Takes over what an earlier run of the node knew. @throws MyelinError INVALID_ARGUMENT for what is no record of an agent */
  restore(records: readonly AgentRecord[]): void {
    for (const record of records) {
      const agent = agentOfRecord(record);
      this.#agents.set(agent.id, agent);
    }
  }

  get size(): number {
    return this.#agents.size;
  }

  /** Agents whose records are to be written. */
  get unwrittenCount(): number {
    return this.#writeBehind.size;
  }

  get(id: AgentId): Agent | undefined {
    return this.#agents.get(id);
  }

  bySlot(slot: number): Agent | undefined {
    return this.#bySlot[slot];
  }

  all(): IterableIterator<Agent> {
    return this.#agents.values();
  }

  /**
   * Admits a part by its hello: makes the agent known, gives it a slot, updates its attributes.
   * @throws MyelinError INVALID_ARGUMENT, RESOURCE_EXHAUSTED
   */
  admit(hello: Hello, nowUs: number): Admission {
    const declaration = this.#alike.of(declarationOf(hello));
    const known = this.#agents.get(declaration.agent);
    if (known === undefined) this.#requireRoom();
    const agent = known ?? newAgent(declaration.agent, nowUs);
    const former = agent.parts.get(declaration.part);
    if (former === undefined) this.#requireRoomForPart(agent);
    const part = former ?? newPart(declaration, agent.parts.size + 1, nowUs);
    const attributes = attributesWith(agent, declaration);
    // From here on nothing is refused.
    const slot = agent.slot ?? this.#options.slots.join(attributes, nowUs);
    const isNewIncarnation = part.incarnation !== declaration.incarnation;
    update(part, declaration, nowUs, isNewIncarnation);
    agent.parts.set(part.name, part);
    agent.attributes = attributes;
    agent.lastSeenUs = nowUs;
    this.#agents.set(agent.id, agent);
    this.#place(agent, slot, nowUs);
    this.#writeBehind.mark(agent, known === undefined);
    return { agent, part, isNewIncarnation };
  }

  /** A step of the part's clock: its time line begins anew. @throws MyelinError INVALID_ARGUMENT */
  startTimeLine(agent: Agent, part: Part, timeLine: string): void {
    part.timeLine = parseTimeLine(timeLine);
    part.steps += 1;
    if (agent.slot !== undefined)
      this.#options.slots.startTimeLine(agent.slot, part.index, lineName(part));
    this.#writeBehind.mark(agent);
  }

  /** A part was heard. */
  heard(agent: Agent, part: Part, atUs: number): void {
    if (atUs <= part.lastSeenUs) return;
    part.lastSeenUs = atUs;
    const offsetUs = (agent.slot ?? 0) * spreadUs;
    const turn = Math.floor((atUs + offsetUs) / writeSeenEveryUs);
    const formerTurn = Math.floor((agent.lastSeenUs + offsetUs) / writeSeenEveryUs);
    if (turn > formerTurn) this.#writeBehind.mark(agent);
    agent.lastSeenUs = Math.max(agent.lastSeenUs, atUs);
  }

  /** The agent's last session is over: its state in the engine is given up. */
  leave(agent: Agent, nowUs: number): void {
    const { slot } = agent;
    if (slot === undefined) return;
    agent.slot = undefined;
    this.#options.slots.leave(slot, nowUs);
    this.#bySlot[slot] = undefined;
    this.#writeBehind.mark(agent);
  }

  /**
   * Forgets an agent that is away.
   * @throws MyelinError NOT_FOUND, CONFLICT when it has a session or comes back meanwhile, and the store's errors
   */
  async forget(id: AgentId): Promise<void> {
    const agent = this.#agents.get(id);
    if (agent === undefined) throw new MyelinError("NOT_FOUND", `no agent ${id} is known`);
    requireAway(agent);
    const wasUnwritten = this.#writeBehind.unmark(agent);
    try {
      await this.#options.store.forgetAgent(id);
    } catch (error) {
      if (wasUnwritten) this.#writeBehind.mark(agent);
      throw error;
    }
    requireAway(agent);
    this.#writeBehind.unmark(agent);
    if (this.#agents.get(id) !== agent) return;
    this.#agents.delete(id);
    this.#options.onForgotten(id, agent.attributes);
  }

  /** Writes what is not on disk yet. */
  async flush(): Promise<void> {
    await this.#writeBehind.flush();
  }

  /** Writes what is not on disk yet, once, and does nothing by itself any more. */
  async close(): Promise<void> {
    this.#writeBehind.close();
    await this.#writeBehind.flush();
  }

  #requireRoom(): void {
    if (this.#agents.size < this.#options.maxAgents) return;
    throw new MyelinError(
      "RESOURCE_EXHAUSTED",
      `the node already knows ${this.#agents.size} agents`,
      {
        hint: "Forget agents that are gone (myelin agent ID --forget), or raise the limit maxAgents.",
      },
    );
  }

  #requireRoomForPart({ id, parts }: Agent): void {
    if (parts.size < this.#options.maxParts) return;
    throw new MyelinError("RESOURCE_EXHAUSTED", `agent ${id} already has ${parts.size} parts`, {
      hint: "Keep to one name for each program of an agent, or forget the agent while it is away.",
    });
  }

  /** Has the engine hold what is known of the agent. */
  #place(agent: Agent, slot: number, nowUs: number): void {
    const { slots } = this.#options;
    if (agent.slot === undefined) {
      agent.slot = slot;
      this.#bySlot[slot] = agent;
    } else slots.setAttributes(slot, agent.attributes, nowUs);
    for (const part of agent.parts.values()) slots.startTimeLine(slot, part.index, lineName(part));
  }
}

function requireAway({ id, slot }: Agent): void {
  if (slot === undefined) return;
  throw new MyelinError("CONFLICT", `agent ${id} is connected`, {
    hint: "Stop it first; only agents that are away can be forgotten.",
  });
}

function newAgent(id: AgentId, nowUs: number): Agent {
  return {
    id,
    slot: undefined,
    attributes: uniteAttributes(id, []),
    parts: new FewMap(),
    firstSeenUs: nowUs,
    lastSeenUs: nowUs,
  };
}

function newPart(declaration: Declaration, index: number, nowUs: number): Part {
  return {
    name: declaration.part,
    index,
    incarnation: declaration.incarnation,
    timeLine: declaration.timeLine,
    actions: declaration.actions,
    sdkName: declaration.sdkName,
    sdkVersion: declaration.sdkVersion,
    lastSeenUs: nowUs,
    actionsFollow: false,
    hold: "running",
    steps: 0,
    declared: declaration.attributes,
  };
}

function update(
  part: Part,
  declaration: Declaration,
  nowUs: number,
  isNewIncarnation: boolean,
): void {
  part.incarnation = declaration.incarnation;
  part.timeLine = declaration.timeLine;
  part.actions = declaration.actions;
  part.actionsFollow = declaration.actionsFollow;
  part.sdkName = declaration.sdkName;
  part.sdkVersion = declaration.sdkVersion;
  part.declared = declaration.attributes;
  part.lastSeenUs = nowUs;
  if (isNewIncarnation) part.hold = "running";
}

/** The agent's attributes with what one part declares now. */
function attributesWith(agent: Agent, { part: name, attributes }: Declaration): AgentAttributes {
  const others = [...agent.parts.values()].filter((part) => part.name !== name);
  return uniteAttributes(agent.id, [...others, { name, declared: attributes }]);
}
