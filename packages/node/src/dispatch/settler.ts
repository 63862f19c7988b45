/**
 * Sees ended instructions to the disk, and then tells callers of them, and their agents that they may forget them.
 *
 * Invariants
 * 1. An agent is told that an outcome is settled only when it is on disk: in the ledger, and for a
 *    durable instruction in the state too, for one of a rule with its episode. What the disk did not take its agent
 *    keeps and tells again by its next hello, though it answers once more before that.
 * 2. The state hears of an end only after the ledger: a crash between the two leaves the instruction open, and it
 *    ends again, in the place of its first account. The other way round its account would be lost.
 * 3. Ends of durable instructions are written in their order, in groups, one group at a time; while the disk
 *    takes none they are tried again. They are bounded by the instructions that were accepted.
 * 4. Of the end of a durable instruction nobody is told before it is on disk in the state: until then it
 *    is shown as it was before. Ends that no disk was promised for are told at once.
 */
import type { Clock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { InstructionId } from "@myelin/core/ids";
import type { InstructionDocument, InstructionStatus } from "@myelin/core/instruction";
import type { Instruction } from "../instruction/index.ts";
import type { InstructionChange, Store } from "../ports/store.ts";
import { RecentIds } from "./recent-ids.ts";

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
  readonly episodes: EpisodeKeeper;
  readonly store: Pick<Store, "updateInstructions">;
  /** A write that failed is tried again after this. */
  readonly retryAfterUs: number;
  /** Told of an instruction whose end is on disk. */
  readonly onSettled: (instruction: Instruction) => void;
  /** Told of each instruction last: its end is on disk, or the disk did not take it. */
  readonly onOver?: ((instruction: Instruction, isKept: boolean) => void) | undefined;
  /** Told of an end when callers may hear of it. */
  readonly onTold: (instruction: Instruction, document: InstructionDocument) => void;
  /** Told when a write failed. */
  readonly onStoreError: (error: MyelinError) => void;
}

/** Where the episodes of ended instructions are kept. */
export interface EpisodeKeeper {
  /** Resolves to true when the instruction's episode, if it has one, is on disk, to false when the disk did not take it; never rejects. */
  keep(instruction: Instruction): Promise<boolean>;
}

/** Instructions of rules remembered whose end no disk took; at the bound the oldest are forgotten. */
const maxUnkept = 65_536;

/** Most ends in one write. */
const maxGroup = 512;

interface Settling {
  readonly instruction: Instruction;
  /** As it is shown until its end is on disk; undefined where the end is told at once. */
  readonly before: Instruction | undefined;
}

interface WaitingEnd {
  readonly instruction: Instruction;
  readonly resolve: (isWritten: boolean) => void;
}

export class Settler {
  readonly #options: SettlerOptions;
  /** Ended, and not on disk yet. */
  readonly #settling = new Map<InstructionId, Settling>();
  readonly #unkept = new RecentIds(maxUnkept);
  /** Those of them that an earlier life of their part may have done. */
  readonly #outlived = new RecentIds(maxUnkept);
  /** Ends of durable instructions that are to be written, in their order. */
  #ends: WaitingEnd[] = [];
  #isWriting = false;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** An ended instruction that is not on disk yet. */
  get(id: InstructionId): Instruction | undefined {
    return this.#settling.get(id)?.instruction;
  }

  /** Whether the agent may forget the outcome of an instruction that is not open any more. */
  mayForget(id: InstructionId): boolean {
    return !this.#settling.has(id) && !this.#unkept.has(id);
  }

  /** The end of an instruction, and its episode, are on disk after all. */
  kept(id: InstructionId): void {
    this.#unkept.delete(id);
    this.#outlived.delete(id);
  }

  /** True when no disk took the end of an instruction that an earlier life of its part may have done. */
  wasOutlived(id: InstructionId): boolean {
    return this.#outlived.has(id);
  }

  /** An instruction as it was before its end, while that end may not be told yet. */
  untold(id: InstructionId): Instruction | undefined {
    return this.#settling.get(id)?.before;
  }

  /** All whose end may not be told yet, as they were before it. */
  *allUntold(): Generator<Instruction, void> {
    for (const { before } of this.#settling.values()) if (before !== undefined) yield before;
  }

  get size(): number {
    return this.#settling.size;
  }

  /** Accounts an instruction that had this status when it ended, and settles it once it is on disk. */
  settle(instruction: Instruction, statusBefore: InstructionStatus): InstructionDocument {
    const { document, isOnDisk } = this.#options.ledger.account(instruction);
    const before = instruction.isDurable ? beforeEnd(instruction, statusBefore) : undefined;
    this.#settling.set(instruction.id, { instruction, before });
    if (before === undefined) this.#options.onTold(instruction, document);
    const isEpisodeKept = this.#options.episodes.keep(instruction);
    void this.#settleOnceOnDisk(instruction, document, isOnDisk, isEpisodeKept);
    return document;
  }

  async #settleOnceOnDisk(
    instruction: Instruction,
    document: InstructionDocument,
    isOnDisk: Promise<boolean>,
    isEpisodeKept: Promise<boolean>,
  ): Promise<void> {
    const isAccounted = await isOnDisk;
    if (!instruction.isDurable) {
      this.#settled(instruction, isAccounted && (await isEpisodeKept));
      return;
    }
    const isWritten = await this.#writeEnd(instruction);
    this.#settled(instruction, isAccounted && isWritten);
    if (isWritten) this.#options.onTold(instruction, document);
  }

  #writeEnd(instruction: Instruction): Promise<boolean> {
    const isWritten = new Promise<boolean>((resolve) => {
      this.#ends.push({ instruction, resolve });
    });
    void this.#writeEnds();
    return isWritten;
  }

  #settled(instruction: Instruction, isKept: boolean): void {
    if (this.get(instruction.id) === instruction) this.#settling.delete(instruction.id);
    if (isKept) {
      this.kept(instruction.id);
      this.#options.onSettled(instruction);
    } else if (instruction.episode !== undefined) {
      this.#unkept.add(instruction.id);
      if (instruction.isOutlived) this.#outlived.add(instruction.id);
    }
    this.#options.onOver?.(instruction, isKept);
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

/** An ended instruction as it was shown before. */
function beforeEnd(instruction: Instruction, status: InstructionStatus): Instruction {
  const times = { ...instruction.times, executedAtUs: Number.NaN };
  return {
    ...instruction,
    times,
    status,
    endedAtUs: undefined,
    result: undefined,
    error: undefined,
  };
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
