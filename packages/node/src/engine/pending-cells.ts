/**
 * Which cells have begun or ceased to be pending, for those who keep that for the node's next start.
 *
 * Invariants
 * 1. A cell is noted when that changes, once until the notes are taken; what it is then is read at the taking. A cell that
 *    fires is not noted: its instruction tells of it.
 * 2. A note is of the agent that had the slot at that time.
 */
import type { AgentId, RuleName } from "@myelin/core/ids";
import type { PendingRecord } from "../ports/store.ts";
import type { AgentTable } from "./agent-table.ts";

/** What a cell has come to: not pending where `pending` is undefined. */
export interface PendingChange {
  readonly agent: AgentId;
  readonly rule: RuleName;
  readonly pending: PendingRecord | undefined;
}

/** A rule in force, as its notes are taken. */
interface Pender {
  takePending(slot: number): PendingRecord | undefined;
}

interface Note {
  readonly agent: AgentId;
  readonly rule: RuleName;
  readonly slot: number;
  readonly generation: number;
}

export class PendingCells {
  readonly #agents: AgentTable;
  readonly #onFirst: (() => void) | undefined;
  #notes: Note[] = [];

  /** @param onFirst Told of the first note since they were taken; without it nothing is noted. */
  constructor(agents: AgentTable, onFirst: (() => void) | undefined) {
    this.#agents = agents;
    this.#onFirst = onFirst;
  }

  /** Notes a cell that was not noted yet. */
  note(rule: RuleName, slot: number): void {
    if (this.#onFirst === undefined) return;
    const generation = this.#agents.generations[slot] as number;
    this.#notes.push({ agent: this.#agents.idOf(slot), rule, slot, generation });
    if (this.#notes.length === 1) this.#onFirst();
  }

  /** What the noted cells have come to, in the order of the notes. */
  take(ruleOf: (name: RuleName) => Pender | undefined): readonly PendingChange[] {
    const notes = this.#notes;
    this.#notes = [];
    return notes.map(({ agent, rule, slot, generation }) => {
      const runtime = this.#agents.generations[slot] === generation ? ruleOf(rule) : undefined;
      return { agent, rule, pending: runtime?.takePending(slot) };
    });
  }
}
