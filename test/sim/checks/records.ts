import type { InstructionStatus } from "@myelin/core/instruction";

/** An instruction that an incarnation began. */
export interface Performance {
  readonly id: string;
  readonly part: string;
  readonly incarnation: string;
  readonly isIdempotent: boolean;
  /** True when its caller asked for no disk: the node may forget it. */
  readonly isVolatile: boolean;
  readonly begunAtUs: number;
  /** The args' reason: what a rule says of the load it acts on. */
  readonly reason: unknown;
  state: "running" | "returned" | "threw";
  endedAtUs: number;
}

/** An end that the node told of. */
export interface End {
  /** Which run of the node. */
  readonly run: number;
  readonly status: InstructionStatus;
  readonly code: string | undefined;
  readonly atUs: number;
}

/** What a caller was told. */
export interface Acceptance {
  readonly call: string;
  readonly durability: "disk" | "memory";
  readonly run: number;
  readonly atUs: number;
}

/** All that the world knows of one instruction. */
export interface InstructionRecord {
  readonly id: string;
  readonly performances: Performance[];
  readonly ends: End[];
  acceptance: Acceptance | undefined;
  /** An end that a caller was told of once it was on disk. */
  toldToStay: InstructionStatus | undefined;
  /** True when the ledger had no room for an end of it: its agent tells of it again. */
  isDropped: boolean;
}

/** The records of all instructions of the run, by id. */
export class Records {
  readonly #byId = new Map<string, InstructionRecord>();

  of(id: string): InstructionRecord {
    let record = this.#byId.get(id);
    if (record === undefined) {
      record = {
        id,
        performances: [],
        ends: [],
        acceptance: undefined,
        toldToStay: undefined,
        isDropped: false,
      };
      this.#byId.set(id, record);
    }
    return record;
  }

  all(): IterableIterator<InstructionRecord> {
    return this.#byId.values();
  }
}
