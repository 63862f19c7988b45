/**
 * The agents that have a slot, and what the engine knows of each besides samples and rules' states.
 *
 * Invariants
 * 1. A free slot holds nothing of the agent that had it; `generations` tells its tenants apart.
 * 2. The evaluation time of an agent never goes back; a part's newest instant only with its time line.
 */
import { MyelinError } from "@myelin/core/errors";
import { type AgentId, parseAgentId } from "@myelin/core/ids";
import type { JsonObject } from "@myelin/core/json";
import type { AgentAttributes } from "@myelin/core/rules";
import { doubledCapacity, grownFloat64, grownInt32, grownUint8 } from "./growth.ts";
import { nodePart, partsPerAgent } from "./parts.ts";

const noTwin: JsonObject = Object.freeze({});
const initialCapacity = 64;
const never = Number.NEGATIVE_INFINITY;

export class AgentTable {
  capacity: number;
  /** Undefined for free slots. */
  readonly attributes: (AgentAttributes | undefined)[] = [];
  readonly twins: JsonObject[] = [];
  /** Evaluation time, microseconds of event time. */
  timesUs: Float64Array;
  /** The latest instant at which rules were evaluated for the agent. */
  evaluatedUs: Float64Array;
  /** No series of the agent goes beyond it, those of the node's own part aside. */
  sampledUs: Float64Array;
  joinedAtUs: Float64Array;
  /** Newest instant applied of each part, at slot × parts + part. */
  newestUs: Float64Array;
  /** Newest event of each part, likewise: samples do not make events late, nor events samples. */
  newestEventUs: Float64Array;
  /** How often something that rules read of the agent was applied; counts around. */
  inputs: Int32Array;
  /** When the node began after an earlier run: silence counts from no earlier. */
  restartedUs: number = never;
  /** How many rules are pending or firing for the agent. */
  busyRules: Int32Array;
  /** 1 until the first evaluation, at which rules that read attributes take part. */
  isNew: Uint8Array;
  /** Actions that rules must not ask the agent for now; undefined when there are none. */
  readonly heldActions: (ReadonlySet<string> | undefined)[] = [];
  /** Indexes of the metrics of which the agent has sent a sample, each once. */
  readonly series: number[][] = [];
  readonly generations: number[] = [];
  readonly #ids: (AgentId | undefined)[] = [];
  readonly #lineNames: (string | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #maxAgents: number;
  #used = 0;

  constructor(maxAgents: number) {
    this.#maxAgents = maxAgents;
    this.capacity = Math.min(initialCapacity, maxAgents);
    this.timesUs = new Float64Array(this.capacity).fill(never);
    this.evaluatedUs = new Float64Array(this.capacity).fill(never);
    this.sampledUs = new Float64Array(this.capacity).fill(never);
    this.joinedAtUs = new Float64Array(this.capacity);
    this.newestUs = new Float64Array(this.capacity * partsPerAgent).fill(never);
    this.newestEventUs = new Float64Array(this.capacity * partsPerAgent).fill(never);
    this.inputs = new Int32Array(this.capacity);
    this.busyRules = new Int32Array(this.capacity);
    this.isNew = new Uint8Array(this.capacity);
  }

  /** One past the highest slot ever given. */
  get used(): number {
    return this.#used;
  }

  get size(): number {
    return this.#used - this.#free.length;
  }

  has(slot: number): boolean {
    return this.attributes[slot] !== undefined;
  }

  /**
   * Gives a slot to an agent. The table may have grown: `capacity` tells.
   * @throws MyelinError INVALID_ARGUMENT for an id that is none, RESOURCE_EXHAUSTED at the bound
   */
  add(attributes: AgentAttributes, atUs: number): number {
    const id = parseAgentId(attributes.id);
    const slot = this.#free.pop() ?? this.#nextSlot();
    this.#ids[slot] = id;
    this.attributes[slot] = attributes;
    this.twins[slot] = noTwin;
    this.joinedAtUs[slot] = atUs;
    this.isNew[slot] = 1;
    this.series[slot] = [];
    this.heldActions[slot] = undefined;
    this.generations[slot] = (this.generations[slot] ?? 0) + 1;
    return slot;
  }

  /** Frees the slot. */
  remove(slot: number): void {
    this.#ids[slot] = undefined;
    this.attributes[slot] = undefined;
    this.generations[slot] = (this.generations[slot] ?? 0) + 1;
    this.twins[slot] = noTwin;
    this.timesUs[slot] = never;
    this.evaluatedUs[slot] = never;
    this.sampledUs[slot] = never;
    this.series[slot] = [];
    this.isNew[slot] = 0;
    const firstLine = slot * partsPerAgent;
    this.newestUs.fill(never, firstLine, firstLine + partsPerAgent);
    this.newestEventUs.fill(never, firstLine, firstLine + partsPerAgent);
    this.#lineNames.fill(undefined, firstLine, firstLine + partsPerAgent);
    this.#free.push(slot);
  }

  idOf(slot: number): AgentId {
    const id = this.#ids[slot];
    if (id === undefined) throw new MyelinError("INTERNAL", `slot ${slot} is free`);
    return id;
  }

  attributesOf(slot: number): AgentAttributes {
    const attributes = this.attributes[slot];
    if (attributes === undefined) throw new MyelinError("INTERNAL", `slot ${slot} is free`);
    return attributes;
  }

  /** Moves the evaluation time on to `atUs` if that is later, and gives it; that of a free slot stays. */
  moveOn(slot: number, atUs: number): number {
    const presentUs = this.timesUs[slot] as number;
    if (!(atUs > presentUs && this.has(slot))) return presentUs;
    this.timesUs[slot] = atUs;
    return atUs;
  }

  /** Name of a part's time line; `node` for the node's own unless it was given another. */
  lineName(slot: number, part: number): string {
    return this.#lineNames[slot * partsPerAgent + part] ?? (part === nodePart ? "node" : "");
  }

  /** Counts the samples and events of a part up to an instant as applied. */
  reach(slot: number, part: number, untilUs: number): void {
    const line = slot * partsPerAgent + part;
    if (!this.has(slot)) return;
    if (untilUs > (this.newestUs[line] as number)) this.newestUs[line] = untilUs;
    if (untilUs > (this.newestEventUs[line] as number)) this.newestEventUs[line] = untilUs;
  }

  /** Begins a time line of a part; false when it is the one it has. */
  startLine(slot: number, part: number, name: string): boolean {
    const line = slot * partsPerAgent + part;
    if (this.#lineNames[line] === name) return false;
    this.#lineNames[line] = name;
    this.newestUs[line] = never;
    this.newestEventUs[line] = never;
    return true;
  }

  #nextSlot(): number {
    if (this.#used >= this.#maxAgents) {
      throw new MyelinError(
        "RESOURCE_EXHAUSTED",
        `${this.#maxAgents} agents are connected, which is the limit maxAgents`,
      );
    }
    if (this.#used === this.capacity)
      this.#grow(doubledCapacity(this.capacity, this.#used + 1, this.#maxAgents));
    this.#lineNames.length = Math.max(this.#lineNames.length, (this.#used + 1) * partsPerAgent);
    return this.#used++;
  }

  #grow(capacity: number): void {
    this.capacity = capacity;
    this.timesUs = grownFloat64(this.timesUs, capacity, never);
    this.evaluatedUs = grownFloat64(this.evaluatedUs, capacity, never);
    this.sampledUs = grownFloat64(this.sampledUs, capacity, never);
    this.joinedAtUs = grownFloat64(this.joinedAtUs, capacity, 0);
    this.newestUs = grownFloat64(this.newestUs, capacity * partsPerAgent, never);
    this.newestEventUs = grownFloat64(this.newestEventUs, capacity * partsPerAgent, never);
    this.isNew = grownUint8(this.isNew, capacity);
    this.inputs = grownInt32(this.inputs, capacity, 0);
    this.busyRules = grownInt32(this.busyRules, capacity, 0);
  }
}
