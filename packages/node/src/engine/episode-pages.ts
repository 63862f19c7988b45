/**
 * What a rule keeps of its episodes, agent by agent: typed arrays in pages of slots, made when an agent
 * of the page first needs one. A rule that comes into force beside many agents so costs nothing for
 * those it does not fire on (measured: 100 rules, 10,000 agents, 44 MB and 9 ms less).
 *
 * Invariants
 * 1. A cell of a page that is not there reads as the empty cell: no episode, no cooldown.
 */

const pageBits = 9;
const pageSlots = 1 << pageBits;
const never = Number.NEGATIVE_INFINITY;

/** The cells of some slots, at `cellOf(slot)`. */
export interface EpisodePage {
  /** Start of the episode while pending and firing, event time in microseconds. */
  readonly sinceUs: Float64Array;
  /** Firing again waits for this instant; Infinity while the instruction has not ended. */
  readonly cooldownUntilUs: Float64Array;
  /** Start of the episode of the latest instruction, NaN when there was none; and its attempt. */
  readonly emittedStartUs: Float64Array;
  readonly attempts: Uint8Array;
  /** 1 when the latest instruction of the present episode ended without success. */
  readonly isLastFailed: Uint8Array;
  /** Since when the end condition has held, NaN when it does not. */
  readonly endingSinceUs: Float64Array;
  /** When the slot's timer comes; Infinity while it has none. */
  readonly timerDueUs: Float64Array;
  /** 1 while a change of its being pending is noted. */
  readonly isNoted: Uint8Array;
  /** 1 for what was pending before the node's start, until `expr` is known again. */
  readonly isReinstated: Uint8Array;
  /** The instant at which firing last began or ended, and whether the rule fired before it. */
  readonly changedAtUs: Float64Array;
  readonly wasFiring: Uint8Array;
  /** The time line of the part that made it pending, then of the episode, while firing. */
  readonly timeLines: (string | undefined)[];
}

/** The slot's place in its page. */
export function cellOf(slot: number): number {
  return slot & (pageSlots - 1);
}

export class EpisodePages {
  readonly #pages: (EpisodePage | undefined)[] = [];

  /** The slot's page, if there is one. */
  find(slot: number): EpisodePage | undefined {
    return this.#pages[slot >> pageBits];
  }

  /** The slot's page, made if need be. */
  of(slot: number): EpisodePage {
    const number = slot >> pageBits;
    const present = this.#pages[number];
    if (present !== undefined) return present;
    // Filled up to here, so that the list never has holes, which would make it a slow one.
    while (this.#pages.length < number) this.#pages.push(undefined);
    const page = emptyPage();
    this.#pages[number] = page;
    return page;
  }

  /** Forgets what only one meaning of the rule knows; cooldowns and latest instructions stay. */
  forgetTimers(): void {
    for (const page of this.#pages) page?.timerDueUs.fill(Number.POSITIVE_INFINITY);
  }
}

function emptyPage(): EpisodePage {
  return {
    sinceUs: new Float64Array(pageSlots).fill(Number.NaN),
    cooldownUntilUs: new Float64Array(pageSlots).fill(never),
    emittedStartUs: new Float64Array(pageSlots).fill(Number.NaN),
    attempts: new Uint8Array(pageSlots),
    isLastFailed: new Uint8Array(pageSlots),
    endingSinceUs: new Float64Array(pageSlots).fill(Number.NaN),
    timerDueUs: new Float64Array(pageSlots).fill(Number.POSITIVE_INFINITY),
    isNoted: new Uint8Array(pageSlots),
    isReinstated: new Uint8Array(pageSlots),
    changedAtUs: new Float64Array(pageSlots).fill(Number.NaN),
    wasFiring: new Uint8Array(pageSlots),
    timeLines: [],
  };
}
