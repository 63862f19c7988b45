import type { InstructionDocument } from "@myelin/core/instruction";

const maxKept = 64;

/** The instructions that ended last, in a ring. */
export class LatestEnded {
  readonly #documents: InstructionDocument[] = [];
  #count = 0;

  /** How many have ended since the start. */
  get count(): number {
    return this.#count;
  }

  add(document: InstructionDocument): void {
    this.#documents[this.#count % maxKept] = document;
    this.#count += 1;
  }

  /** The last `count` of those kept, newest first. */
  take(count: number): readonly InstructionDocument[] {
    const kept = Math.min(count, this.#documents.length);
    return Array.from({ length: kept }, (_, back) => {
      const document = this.#documents[(this.#count - 1 - back) % maxKept];
      if (document === undefined) throw new RangeError(`no document ${back} back`);
      return document;
    });
  }
}
