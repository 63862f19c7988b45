/**
 * Watches how loaded the node is, and says how far it must relieve itself.
 *
 * The load is the largest of four shares: of the loop's time (without what bulk took: that gives way by
 * itself), of the loop's delay, of outbound bytes that wait, and of memory. All are measured.
 *
 * Invariants
 * 1. A loop that is busy or late for a moment, as behind a collection of garbage or while code is being
 *    compiled, is not overload: its shares are averages over about five looks.
 * 2. Relief is given time to show, as long as that, before more is asked for.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import { nextOverloadLevel, type OverloadLevel } from "@myelin/core/schedule";
import type { Resources } from "../ports/resources.ts";

export interface OverloadOptions {
  readonly clock: Pick<Clock, "nowUs" | "schedule">;
  readonly resources: Resources;
  /** Bytes that wait to be taken by agents. */
  readonly outboundBytes: () => number;
  /** Time that bulk has taken since the start. */
  readonly bulkUs: () => number;
  readonly settings: OverloadSettings;
  /** Told when the level changes. */
  readonly onLevel: (level: OverloadLevel, load: number) => void;
}

export interface OverloadSettings {
  /** A load above this percentage is overload. */
  readonly overloadPercent: number;
  /** A load below this percentage is none any more. */
  readonly reliefPercent: number;
  /** Time between two looks; each moves the level by one at the most. */
  readonly overloadIntervalUs: number;
  /** Delay of the loop that counts as full load. */
  readonly fullDelayUs: number;
  /** Outbound bytes that count as full load. */
  readonly fullOutboundBytes: number;
}

/** The latest look: each share of what it may be, 1 is all of it. */
export interface LoadShares {
  readonly loop: number;
  readonly delay: number;
  readonly outbound: number;
  readonly memory: number;
}

/** Share of the latest look in an average, and looks that relief is given to show. */
const shareOfLatest = 0.2;
const patience = 5;
/** One look that is late without measure is not to count for many. */
const mostDelay = 2;

function averaged(before: number, latest: number): number {
  return before + (latest - before) * shareOfLatest;
}

export class Overload {
  readonly #options: OverloadOptions;
  #level: OverloadLevel = 0;
  #shares: LoadShares = { loop: 0, delay: 0, outbound: 0, memory: 0 };
  #timer: Timer | undefined;
  /** Looks since the level changed. */
  #looks = 0;
  #lookedAtUs = 0;
  #bulkUs = 0;

  constructor(options: OverloadOptions) {
    this.#options = options;
  }

  get level(): OverloadLevel {
    return this.#level;
  }

  get shares(): LoadShares {
    return this.#shares;
  }

  /** The largest share. */
  get load(): number {
    const { loop, delay, outbound, memory } = this.#shares;
    return Math.max(loop, delay, outbound, memory);
  }

  start(): void {
    const { clock, resources, bulkUs } = this.#options;
    this.#lookedAtUs = clock.nowUs();
    this.#bulkUs = bulkUs();
    resources.read();
    this.#plan();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #plan(): void {
    const { clock, settings } = this.#options;
    this.#timer = clock.schedule(settings.overloadIntervalUs, () => {
      this.#look();
      this.#plan();
    });
  }

  #look(): void {
    const { clock, resources, outboundBytes, bulkUs, settings, onLevel } = this.#options;
    const nowUs = clock.nowUs();
    const elapsedUs = Math.max(1, nowUs - this.#lookedAtUs);
    const bulkNowUs = bulkUs();
    const { loopShare, memoryShare } = resources.read();
    const delay = Math.max(0, elapsedUs - settings.overloadIntervalUs) / settings.fullDelayUs;
    this.#shares = {
      loop: averaged(
        this.#shares.loop,
        Math.max(0, loopShare - (bulkNowUs - this.#bulkUs) / elapsedUs),
      ),
      delay: averaged(this.#shares.delay, Math.min(delay, mostDelay)),
      outbound: outboundBytes() / settings.fullOutboundBytes,
      memory: memoryShare,
    };
    this.#lookedAtUs = nowUs;
    this.#bulkUs = bulkNowUs;
    const level = nextOverloadLevel(this.#level, this.load, {
      above: settings.overloadPercent / 100,
      below: settings.reliefPercent / 100,
    });
    this.#looks++;
    if (level === this.#level) return;
    if (level > this.#level && this.#level > 0 && this.#looks < patience) return;
    this.#looks = 0;
    this.#level = level;
    onLevel(level, this.load);
  }
}
