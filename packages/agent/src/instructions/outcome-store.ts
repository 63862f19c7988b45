/*
 * What became of each instruction, so that none is begun twice.
 *
 * An id is unseen, then begun, then ended; some end without having begun.
 *
 * Invariants:
 * 1. While an id is kept, what is known of it moves forward only, and its first end is its only end.
 * 2. An id is kept at least until its deadline and timeout are past on the node's clock, whatever that
 *    clock's uncertainty; an id that arrives after that is refused by its deadline alone.
 * 3. An ended id that the node has not settled is kept beyond that until its place is needed.
 * 4. At most `bound` ids are kept. When all of them must be kept, new ones are refused.
 */
import type { Acknowledgement, InstructionMessage } from "@myelin/core/wire";

/** How long after deadline and timeout an id is still kept: for the node's clock to be stepped back by as much. */
const marginUs = 1e6;
/** Most ids looked at in one sweep. */
const sweepCount = 2048;
/** Most cancellations of unseen ids that are remembered; at the bound the oldest goes. */
const mostCancellations = 1024;

/** What of an instruction is told again when its outcome is reported by a hello. */
export type Origin = Pick<InstructionMessage, "action" | "episode">;

interface Outcome {
  acknowledgement: Acknowledgement;
  readonly origin: Origin;
  /** Node's clock from which on the deadline alone refuses the id. */
  readonly pastAtUs: number;
  isEnded: boolean;
}

/** What `insert` needs to know of the node's time. */
export interface NodeInstant {
  readonly nowUs: number;
  readonly uncertaintyUs: number;
}

/** A bounded memory of instructions and their outcomes. */
export class OutcomeStore {
  readonly #bound: number;
  /** In the order of arrival. */
  readonly #outcomes = new Map<string, Outcome>();
  /** Those that the node has not settled, in the order of arrival. */
  readonly #unsettled = new Map<string, Outcome>();
  readonly #canceled = new Set<string>();
  #sweeper: Iterator<[string, Outcome]> = this.#outcomes.entries();
  /** Before this instant of the node's clock it is pointless to look for room. */
  #noRoomBeforeUs = 0;

  constructor(bound: number) {
    this.#bound = bound;
  }

  get size(): number {
    return this.#outcomes.size;
  }

  /** What was last acknowledged of an id; undefined for one that is not known. */
  get(id: string): Acknowledgement | undefined {
    return this.#outcomes.get(id)?.acknowledgement;
  }

  /**
   * Takes an unseen id with its first acknowledgement; `lastUs` is deadline and timeout together, on
   * the node's clock.
   * @returns false when there is no room
   */
  insert(
    acknowledgement: Acknowledgement,
    origin: Origin,
    lastUs: number,
    instant: NodeInstant,
  ): boolean {
    if (this.#outcomes.size >= this.#bound && !this.#makeRoom(instant)) return false;
    const isEnded = acknowledgement.status !== "received";
    const outcome = { acknowledgement, origin, pastAtUs: lastUs + marginUs, isEnded };
    this.#outcomes.set(acknowledgement.instructionId, outcome);
    this.#unsettled.set(acknowledgement.instructionId, outcome);
    return true;
  }

  /** Ends an id that has begun; false when it is not known or has ended before. */
  end(acknowledgement: Acknowledgement): boolean {
    const outcome = this.#outcomes.get(acknowledgement.instructionId);
    if (outcome === undefined || outcome.isEnded) return false;
    outcome.acknowledgement = acknowledgement;
    outcome.isEnded = true;
    return true;
  }

  /** The node has the outcomes of these ids on disk. */
  settle(ids: readonly string[]): void {
    for (const id of ids) if (this.#unsettled.get(id)?.isEnded === true) this.#unsettled.delete(id);
  }

  /** What the node has not settled, begun or ended, in the order of arrival, with where it came from. */
  unsettled(): Acknowledgement[] {
    return Array.from(
      this.#unsettled.values(),
      ({ acknowledgement, origin: { action, episode } }) =>
        episode === undefined
          ? { ...acknowledgement, action }
          : { ...acknowledgement, action, episode },
    );
  }

  /** Remembers that an id must not begin. */
  cancel(id: string): void {
    if (this.#outcomes.has(id)) return;
    this.#canceled.delete(id);
    this.#canceled.add(id);
    if (this.#canceled.size <= mostCancellations) return;
    for (const oldest of this.#canceled) {
      this.#canceled.delete(oldest);
      return;
    }
  }

  /** True once for an id that was canceled before it arrived. */
  takeCancellation(id: string): boolean {
    return this.#canceled.delete(id);
  }

  /** Forgets some of the ids that are settled and past; called now and then. */
  sweep(instant: NodeInstant): void {
    for (let looked = 0; looked < sweepCount; looked++) {
      const { done, value } = this.#sweeper.next();
      if (done === true) {
        this.#sweeper = this.#outcomes.entries();
        return;
      }
      const [id, outcome] = value;
      if (isPast(outcome, instant) && !this.#unsettled.has(id)) this.#outcomes.delete(id);
    }
  }

  /** Forgets the oldest id that is past; false when none is. */
  #makeRoom(instant: NodeInstant): boolean {
    if (instant.nowUs - instant.uncertaintyUs <= this.#noRoomBeforeUs) return false;
    let noRoomBeforeUs = Number.POSITIVE_INFINITY;
    for (const [id, outcome] of this.#outcomes) {
      if (isPast(outcome, instant)) {
        this.#unsettled.delete(id);
        return this.#outcomes.delete(id);
      }
      noRoomBeforeUs = Math.min(noRoomBeforeUs, outcome.pastAtUs);
    }
    this.#noRoomBeforeUs = noRoomBeforeUs;
    return false;
  }
}

function isPast(outcome: Outcome, { nowUs, uncertaintyUs }: NodeInstant): boolean {
  return outcome.isEnded && nowUs - uncertaintyUs > outcome.pastAtUs;
}
