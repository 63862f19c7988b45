/**
 * Sees ended instructions to the disk, and then tells their agents that they may forget them.
 *
 * Invariants
 * 1. An agent is told that an outcome is settled only when it is on disk: in the ledger, and for a
 *    durable instruction in the state too.
 * 2. The state hears of an end only after the ledger: a crash between the two leaves the instruction open, and it
 *    ends again, in the place of its first account. The other way round its account would be lost.
 * 3. Ends of durable instructions are written in their order, in groups, one group at a time; while the disk
 *    takes none they are tried again. They are bounded by the instructions that were accepted.
 */
import type { Clock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { InstructionId } from "@myelin/core/ids";
import type { InstructionDocument } from "@myelin/core/instruction";
import type { Instruction } from "../instruction/index.ts";
import type { InstructionChange, Store } from "../ports/store.ts";

/** Where ended instructions are accounted. */
export interface Accounts {
  /** Accounts an ended instruction. */
  account(instruction: Instruction): {
    readonly document: InstructionDocument;
    /** Resolves to true when it is on disk, to false when the disk did not take it; never rejects. */
    readonly isOnDisk: Promise<boolean>;
  };
}

export interface SettlerOptions {
  readonly clock: Clock;
  readonly ledger: Accounts;
  readonly store: Pick<Store, "updateInstructions">;
  /** A write that failed is tried again after this. */
  readonly retryAfterUs: number;
  /** Told of an instruction whose end is on disk. */
  readonly onSettled: (instruction: Instruction) => void;
  /** Told when a write failed. */
  readonly onStoreError: (error: MyelinError) => void;
}

/** Most ends in one write. */
const maxGroup = 512;

interface WaitingEnd {
  readonly instruction: Instruction;
  readonly resolve: (isWritten: boolean) => void;
}

export class Settler {
  readonly #options: SettlerOptions;
  /** Ended, and not on disk yet. */
  readonly #settling = new Map<InstructionId, Instruction>();
  /** Ends of durable instructions that are to be written, in their order. */
  #ends: WaitingEnd[] = [];
  #isWriting = false;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** An ended instruction that is not on disk yet. */
  get(id: InstructionId): Instruction | undefined {
    return this.#settling.get(id);
  }

  get size(): number {
    return this.#settling.size;
  }

  /** Accounts an ended instruction, and settles it once it is on disk. */
  settle(instruction: Instruction): InstructionDocument {
    const { document, isOnDisk } = this.#options.ledger.account(instruction);
    this.#settling.set(instruction.id, instruction);
    void this.#settleOnceOnDisk(instruction, isOnDisk);
    return document;
  }

  async #settleOnceOnDisk(instruction: Instruction, isOnDisk: Promise<boolean>): Promise<void> {
    const isAccounted = await isOnDisk;
    const isWritten = !instruction.isDurable || (await this.#writeEnd(instruction));
    this.#settled(instruction, isAccounted && isWritten);
  }

  #writeEnd(instruction: Instruction): Promise<boolean> {
    const isWritten = new Promise<boolean>((resolve) => {
      this.#ends.push({ instruction, resolve });
    });
    void this.#writeEnds();
    return isWritten;
  }

  #settled(instruction: Instruction, isKept: boolean): void {
    if (this.#settling.get(instruction.id) === instruction) this.#settling.delete(instruction.id);
    if (isKept) this.#options.onSettled(instruction);
  }

  async #writeEnds(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    while (this.#ends.length > 0) {
      const group = this.#ends.slice(0, maxGroup);
      const outcome = await this.#write(group.map(({ instruction }) => changeOf(instruction)));
      if (outcome === "again") continue;
      this.#ends = this.#ends.slice(group.length);
      for (const { resolve } of group) resolve(outcome === "written");
    }
    this.#isWriting = false;
  }

  async #write(changes: readonly InstructionChange[]): Promise<"written" | "again" | "lost"> {
    const { store, clock, retryAfterUs, onStoreError } = this.#options;
    try {
      await store.updateInstructions(changes);
      return "written";
    } catch (error) {
      const failure = MyelinError.from(error);
      onStoreError(failure);
      if (!failure.isRetryable) return "lost";
      await new Promise<void>((resolve) => clock.schedule(retryAfterUs, resolve));
      return "again";
    }
  }
}

function changeOf(instruction: Instruction): InstructionChange {
  const { id, status, endedAtUs, result, error } = instruction;
  return {
    id,
    status,
    ...(endedAtUs === undefined ? {} : { endedAtUs }),
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error }),
  };
}
