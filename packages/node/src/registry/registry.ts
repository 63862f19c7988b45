/**
 * The agents the node knows, present or away, and their records on disk.
 *
 * Invariants
 * 1. An agent has an engine slot exactly while at least one of its parts has a session.
 * 2. The number of agents is bounded; a newcomer beyond the bound is refused, nobody is dropped for it.
 * 3. Records are written behind: what is lost in a crash is told again by the agents' next hello.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import {
  type ActionName,
  type AgentId,
  type PartName,
  parseActionName,
  parseAgentId,
  parseIncarnation,
  parsePartName,
} from "@myelin/core/ids";
import type { AgentAttributes } from "@myelin/core/rules";
import type { Hello } from "@myelin/core/wire";
import type { AgentRecord, Store } from "../ports/store.ts";
import {
  type ActionInfo,
  type Agent,
  type DeclaredAttributes,
  type Part,
  uniteAttributes,
} from "./agent.ts";

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
}

/** What an admitted hello meant. */
export interface Admission {
  readonly agent: Agent;
  readonly part: Part;
  /** Incarnation the part had before, if it was another one. */
  readonly isNewIncarnation: boolean;
}

const writeDelayUs = 500_000;
const maxLabels = 64;
const maxActions = 256;
const maxTextLength = 256;

export class Registry {
  readonly #options: RegistryOptions;
  readonly #agents = new Map<AgentId, Agent>();
  readonly #bySlot: (Agent | undefined)[] = [];
  readonly #dirty = new Set<Agent>();
  #writeTimer: Timer | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Takes over what an earlier run of the node knew. */
  restore(records: readonly AgentRecord[]): void {
    for (const record of records) {
      const agent = agentFromRecord(record);
      this.#agents.set(agent.id, agent);
    }
  }

  get size(): number {
    return this.#agents.size;
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
    const id = parseAgentId(hello.agentId);
    const partName = parsePartName(hello.part);
    const incarnation = parseIncarnation(hello.incarnation);
    const declared = declaredBy(hello);
    const actions = actionsOf(hello);
    const agent = this.#agents.get(id) ?? this.#create(id, nowUs);
    let part = agent.parts.get(partName);
    const isNewIncarnation = part !== undefined && part.incarnation !== incarnation;
    const isNewLine = part === undefined || isNewIncarnation || part.timeLine !== hello.timeLine;
    if (part === undefined) {
      if (agent.parts.size >= this.#options.maxParts) {
        throw new MyelinError(
          "RESOURCE_EXHAUSTED",
          `agent ${id} already has ${agent.parts.size} parts`,
        );
      }
      part = {
        name: partName,
        index: agent.parts.size + 1,
        incarnation,
        timeLine: hello.timeLine,
        actions,
        sdkName: hello.sdk?.name ?? "",
        sdkVersion: hello.sdk?.version ?? "",
        lastSeenUs: nowUs,
        hold: "running",
        steps: 0,
        declared,
      };
      agent.parts.set(partName, part);
    } else {
      Object.assign(part, {
        incarnation,
        timeLine: hello.timeLine,
        actions,
        declared,
        lastSeenUs: nowUs,
      });
      part.sdkName = hello.sdk?.name ?? "";
      part.sdkVersion = hello.sdk?.version ?? "";
      if (isNewIncarnation) part.hold = "running";
    }
    agent.lastSeenUs = nowUs;
    this.#giveSlot(agent, nowUs);
    if (isNewLine && agent.slot !== undefined)
      this.#options.slots.startTimeLine(agent.slot, part.index, lineName(part));
    this.#markDirty(agent);
    return { agent, part, isNewIncarnation };
  }

  /** A step of the part's clock: its time line begins anew. */
  startTimeLine(agent: Agent, part: Part, timeLine: string): void {
    part.timeLine = timeLine;
    part.steps += 1;
    if (agent.slot !== undefined)
      this.#options.slots.startTimeLine(agent.slot, part.index, lineName(part));
    this.#markDirty(agent);
  }

  /** The agent's last session is over: its state in the engine is given up. */
  leave(agent: Agent, nowUs: number): void {
    if (agent.slot === undefined) return;
    this.#options.slots.leave(agent.slot, nowUs);
    this.#bySlot[agent.slot] = undefined;
    agent.slot = undefined;
    agent.lastSeenUs = nowUs;
    this.#markDirty(agent);
  }

  /**
   * Forgets an agent that is away.
   * @throws MyelinError NOT_FOUND, CONFLICT when it has a session, and the store's errors
   */
  async forget(id: AgentId): Promise<void> {
    const agent = this.#agents.get(id);
    if (agent === undefined) throw new MyelinError("NOT_FOUND", `no agent ${id} is known`);
    if (agent.slot !== undefined) {
      throw new MyelinError("CONFLICT", `agent ${id} is connected`, {
        hint: "Stop it first; only agents that are away can be forgotten.",
      });
    }
    await this.#options.store.forgetAgent(id);
    this.#agents.delete(id);
    this.#dirty.delete(agent);
  }

  /** Writes what is not on disk yet. */
  async flush(): Promise<void> {
    this.#writeTimer?.cancel();
    this.#writeTimer = undefined;
    if (this.#dirty.size === 0) return;
    const agents = [...this.#dirty];
    this.#dirty.clear();
    try {
      await this.#options.store.saveAgents(agents.map(recordOf));
    } catch (error) {
      for (const agent of agents) if (this.#agents.get(agent.id) === agent) this.#dirty.add(agent);
      this.#options.onStoreError(MyelinError.from(error));
      this.#scheduleWrite(writeDelayUs * 4);
    }
  }

  #create(id: AgentId, nowUs: number): Agent {
    if (this.#agents.size >= this.#options.maxAgents) {
      throw new MyelinError(
        "RESOURCE_EXHAUSTED",
        `the node already knows ${this.#agents.size} agents`,
        {
          hint: "Forget agents that are gone (myelin agent ID --forget), or raise the limit maxAgents.",
        },
      );
    }
    const agent: Agent = {
      id,
      slot: undefined,
      attributes: uniteAttributes(id, []),
      parts: new Map(),
      firstSeenUs: nowUs,
      lastSeenUs: nowUs,
    };
    this.#agents.set(id, agent);
    return agent;
  }

  #giveSlot(agent: Agent, nowUs: number): void {
    agent.attributes = uniteAttributes(agent.id, agent.parts.values());
    if (agent.slot !== undefined) {
      this.#options.slots.setAttributes(agent.slot, agent.attributes, nowUs);
      return;
    }
    agent.slot = this.#options.slots.join(agent.attributes, nowUs);
    this.#bySlot[agent.slot] = agent;
    for (const part of agent.parts.values())
      this.#options.slots.startTimeLine(agent.slot, part.index, lineName(part));
  }

  #markDirty(agent: Agent): void {
    this.#dirty.add(agent);
    this.#scheduleWrite(writeDelayUs);
  }

  #scheduleWrite(delayUs: number): void {
    this.#writeTimer ??= this.#options.clock.schedule(delayUs, () => {
      this.#writeTimer = undefined;
      void this.flush();
    });
  }
}

/** Name of a part's time line, unlike that of any other incarnation or step. */
function lineName(part: Part): string {
  return `${part.name}/${part.incarnation}/${part.timeLine}/${part.steps}`;
}

function bounded(what: string, text: string): string {
  if (text.length <= maxTextLength) return text;
  throw new MyelinError("INVALID_ARGUMENT", `${what} is longer than ${maxTextLength} characters`);
}

function declaredBy(hello: Hello): DeclaredAttributes {
  const entries = Object.entries(hello.labels);
  if (entries.length > maxLabels)
    throw new MyelinError("INVALID_ARGUMENT", `more than ${maxLabels} labels`);
  const labels: Record<string, string> = Object.create(null);
  for (const [name, value] of entries)
    labels[bounded("a label's name", name)] = bounded(`label ${name}`, value);
  if (hello.capabilities.length > maxLabels)
    throw new MyelinError("INVALID_ARGUMENT", `more than ${maxLabels} capabilities`);
  return {
    type: bounded("the agent's type", hello.agentType),
    tier: bounded("the agent's tier", hello.tier),
    labels,
    capabilities: hello.capabilities.map((capability) => bounded("a capability", capability)),
  };
}

function actionsOf(hello: Hello): Map<ActionName, ActionInfo> {
  if (hello.actions.length > maxActions)
    throw new MyelinError("INVALID_ARGUMENT", `more than ${maxActions} actions`);
  return new Map(
    hello.actions.map(({ name, isIdempotent }) => [parseActionName(name), { isIdempotent }]),
  );
}

function recordOf(agent: Agent): AgentRecord {
  return {
    id: agent.id,
    type: agent.attributes.type,
    tier: agent.attributes.tier,
    labels: agent.attributes.labels,
    capabilities: agent.attributes.capabilities,
    firstSeenUs: agent.firstSeenUs,
    lastSeenUs: agent.lastSeenUs,
    parts: [...agent.parts.values()].map((part) => ({
      name: part.name,
      incarnation: part.incarnation,
      timeLine: part.timeLine,
      actions: [...part.actions].map(([name, { isIdempotent }]) => ({ name, isIdempotent })),
      sdkName: part.sdkName,
      sdkVersion: part.sdkVersion,
      lastSeenUs: part.lastSeenUs,
    })),
  };
}

function agentFromRecord(record: AgentRecord): Agent {
  const declared = {
    type: record.type,
    tier: record.tier,
    labels: record.labels,
    capabilities: record.capabilities,
  };
  const parts = new Map<PartName, Part>();
  for (const stored of record.parts) {
    const name = parsePartName(stored.name);
    parts.set(name, {
      name,
      index: parts.size + 1,
      incarnation: parseIncarnation(stored.incarnation),
      timeLine: stored.timeLine,
      actions: new Map(
        stored.actions.map((action) => [
          parseActionName(action.name),
          { isIdempotent: action.isIdempotent },
        ]),
      ),
      sdkName: stored.sdkName,
      sdkVersion: stored.sdkVersion,
      lastSeenUs: stored.lastSeenUs,
      hold: "running",
      steps: 0,
      declared,
    });
  }
  const id = parseAgentId(record.id);
  return {
    id,
    slot: undefined,
    attributes: { id, ...declared },
    parts,
    firstSeenUs: record.firstSeenUs,
    lastSeenUs: record.lastSeenUs,
  };
}
