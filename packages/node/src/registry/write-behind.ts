/**
 * Writes records of agents some time after they changed, so that nobody waits for the disk.
 *
 * Invariants
 * 1. What changes while it is being written is written again.
 * 2. A write that fails is tried again, more slowly, until `close`; what waits is bounded by the agents known.
 * 3. Records go to the store in small groups, one after another, so that no turn of the loop makes many.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { Store } from "../ports/store.ts";
import type { Agent } from "./agent.ts";
import { recordOf } from "./record.ts";

const delayUs = 500_000;
/** An agent that is not on disk at all is written sooner: what refers to it may be there already. */
const newcomerDelayUs = 20_000;
const retryDelayUs = 2_000_000;
const recordsPerWrite = 250;

export interface WriteBehindOptions {
  readonly clock: Pick<Clock, "nowUs" | "schedule">;
  readonly store: Pick<Store, "saveAgents">;
  /** False for an agent that was forgotten meanwhile. */
  readonly isKnown: (agent: Agent) => boolean;
  /** Told of each write that failed. */
  readonly onStoreError: (error: MyelinError) => void;
}

export class WriteBehind {
  readonly #options: WriteBehindOptions;
  readonly #dirty = new Set<Agent>();
  #timer: Timer | undefined;
  #dueUs = Number.POSITIVE_INFINITY;
  /** After a write that failed: when the next may be tried. */
  #notBeforeUs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: WriteBehindOptions) {
    this.#options = options;
  }

  /** Records that wait to be written. */
  get size(): number {
    return this.#dirty.size;
  }

  /** The agent's record has changed, or there is none yet. */
  mark(agent: Agent, isNewcomer = false): void {
    this.#dirty.add(agent);
    this.#plan(isNewcomer ? newcomerDelayUs : delayUs);
  }

  /** The agent's record is not to be written; true when it was to be. */
  unmark(agent: Agent): boolean {
    return this.#dirty.delete(agent);
  }

  /** Writes all that waits now; what fails is told and tried again later. */
  async flush(): Promise<void> {
    this.#cancel();
    while (this.#dirty.size > 0) {
      const agents = this.#take();
      try {
        await this.#options.store.saveAgents(agents.map(recordOf));
      } catch (error) {
        for (const agent of agents) if (this.#options.isKnown(agent)) this.#dirty.add(agent);
        this.#options.onStoreError(MyelinError.from(error));
        this.#cancel();
        this.#notBeforeUs = this.#options.clock.nowUs() + retryDelayUs;
        this.#plan(retryDelayUs);
        return;
      }
    }
  }

  /** Tries no more by itself. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  #take(): Agent[] {
    const agents: Agent[] = [];
    for (const agent of this.#dirty) {
      if (agents.length === recordsPerWrite) break;
      agents.push(agent);
      this.#dirty.delete(agent);
    }
    return agents;
  }

  #cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueUs = Number.POSITIVE_INFINITY;
  }

  #plan(inUs: number): void {
    const { clock } = this.#options;
    const nowUs = clock.nowUs();
    const dueUs = Math.max(nowUs + inUs, this.#notBeforeUs);
    if (this.#isClosed || dueUs >= this.#dueUs) return;
    this.#cancel();
    this.#dueUs = dueUs;
    this.#timer = clock.schedule(dueUs - nowUs, () => void this.flush());
  }
}
