/*
 * What became of each instruction, so that none is begun twice.
 *
 * An id is unseen, then begun, then ended; some end without having begun.
 *
 * Invariants:
 * 1. While an id is kept, what is known of it moves forward only, and its first end is its only end.
 * 2. An id is kept at least until its deadline and timeout are past on the node's clock, whatever that
 *    clock's uncertainty; an id that arrives after that is refused by its deadline alone.
 * 3. An id that the node has not settled is kept beyond that: it is forgotten only once the node has its
 *    end on disk.
 * 4. At most `bound` ids are kept. When all of them must be kept, new ones are refused.
 * 5. An id is unsettled or settled, and only what has ended is settled.
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
  /** Those that the node has settled, in that order. */
  readonly #settled = new Map<string, Outcome>();
  readonly #canceled = new Set<string>();
  #sweeper: Iterator<[string, Outcome]> = this.#settled.entries();
  /** Until the node's clock has passed this instant it is pointless to look for room. */
  #noRoomUntilUs = Number.NEGATIVE_INFINITY;
  #hasRefused = false;

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
    if (this.#outcomes.size >= this.#bound && !this.#makeRoom(instant)) {
      this.#hasRefused = true;
      return false;
    }
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
    for (const id of ids) {
      const outcome = this.#unsettled.get(id);
      if (outcome?.isEnded !== true) continue;
      this.#unsettled.delete(id);
      this.#settled.set(id, outcome);
      this.#noRoomUntilUs = Math.min(this.#noRoomUntilUs, outcome.pastAtUs);
    }
  }

  /** True when an id was refused for want of room since the last call. */
  takeRefusal(): boolean {
    const hasRefused = this.#hasRefused;
    this.#hasRefused = false;
    return hasRefused;
  }

  /** What the node has not settled, begun or ended, in the order of arrival, with where it came from. */
  unsettled(): Acknowledgement[] {
    return Array.from(this.#unsettled.values(), toldOf);
  }

  /** The oldest that have ended and that the node has not settled, at most `count`, with where they came from. */
  oldestUnsettled(count: number): Acknowledgement[] {
    const oldest: Acknowledgement[] = [];
    for (const outcome of this.#unsettled.values()) {
      if (oldest.length === count) break;
      if (outcome.isEnded) oldest.push(toldOf(outcome));
    }
    return oldest;
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
        this.#sweeper = this.#settled.entries();
        return;
      }
      const [id, outcome] = value;
      if (isPast(outcome.pastAtUs, instant)) this.#forget(id);
    }
  }

  /** Forgets the id that is past and was settled first; false when there is none. */
  #makeRoom(instant: NodeInstant): boolean {
    if (!isPast(this.#noRoomUntilUs, instant)) return false;
    let noRoomUntilUs = Number.POSITIVE_INFINITY;
    for (const [id, { pastAtUs }] of this.#settled) {
      if (isPast(pastAtUs, instant)) return this.#forget(id);
      noRoomUntilUs = Math.min(noRoomUntilUs, pastAtUs);
    }
    this.#noRoomUntilUs = noRoomUntilUs;
    return false;
  }

  #forget(id: string): boolean {
    this.#settled.delete(id);
    return this.#outcomes.delete(id);
  }
}

function isPast(instantUs: number, { nowUs, uncertaintyUs }: NodeInstant): boolean {
  return nowUs - uncertaintyUs > instantUs;
}

function toldOf({ acknowledgement, origin: { action, episode } }: Outcome): Acknowledgement {
  return episode === undefined
    ? { ...acknowledgement, action }
    : { ...acknowledgement, action, episode };
}
