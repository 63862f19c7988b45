/*
 * Time that moves only when it is told to, for tests and simulation.
 *
 * Invariants:
 * 1. Time never goes back; a timer runs at the very instant it is due.
 * 2. Timers run in the order of (due instant, order of scheduling); what was deferred runs, in order,
 *    before time moves on.
 * 3. The same calls lead to the same order, always: nothing here depends on real time.
 */
import { MyelinError } from "../errors/index.ts";
import { Heap } from "../schedule/index.ts";
import type { Clock, Timer } from "./clock.ts";

/** Callbacks that may run at one instant before that counts as an endless loop. */
const maxCallbacksAtOnce = 1_000_000;

interface Entry {
  readonly dueUs: number;
  readonly sequence: number;
  readonly callback: () => void;
  place: number;
}

/** How a clock differs from true time. */
export interface Skew {
  /** What it is ahead of true time now, microseconds. */
  readonly offsetUs?: number;
  /** How much faster it runs, in millionths. */
  readonly driftPpm?: number;
}

/** A clock of which the whole world hangs: true time of a simulation. */
export class VirtualClock implements Clock {
  #nowUs: number;
  #sequence = 0;
  #isRunning = false;
  #callbacksAtOnce = 0;
  #deferred: (() => void)[] = [];
  readonly #timers = new Heap<Entry>({
    isBefore: (a, b) => a.dueUs < b.dueUs || (a.dueUs === b.dueUs && a.sequence < b.sequence),
    placeOf: (entry) => entry.place,
    setPlace: (entry, place) => {
      entry.place = place;
    },
  });

  /** Starts at `startUs`, microseconds since the Unix epoch. */
  constructor(startUs: number) {
    this.#nowUs = startUs;
  }

  /** Virtual time, microseconds since the Unix epoch. */
  nowUs(): number {
    return this.#nowUs;
  }

  /** Calls `callback` when `run` has come `delayUs` microseconds further. */
  schedule(delayUs: number, callback: () => void): Timer {
    const entry: Entry = {
      dueUs: this.#nowUs + (delayUs > 0 ? delayUs : 0),
      sequence: this.#sequence++,
      callback,
      place: -1,
    };
    this.#timers.push(entry);
    return { cancel: () => this.#timers.remove(entry) };
  }

  /** Calls `callback` in a later turn of `run`, at the same instant. */
  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** When the next timer is due; Infinity when there is none. */
  get nextDueUs(): number {
    return this.#timers.peek()?.dueUs ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Moves time on by `durationUs`, running all that falls due on the way.
   * @throws MyelinError INTERNAL when called from a callback, or when callbacks at one instant never end
   */
  advance(durationUs: number): void {
    this.#begin();
    try {
      const untilUs = this.#nowUs + durationUs;
      while (this.#runNext(untilUs));
      this.#moveTo(untilUs);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Like `advance`, but after each callback lets all promise jobs that it set off come to rest. */
  async run(durationUs: number): Promise<void> {
    this.#begin();
    const jobs = new JobQueue();
    try {
      const untilUs = this.#nowUs + durationUs;
      do await jobs.settle();
      while (this.#runNext(untilUs));
      this.#moveTo(untilUs);
    } finally {
      jobs.close();
      this.#isRunning = false;
    }
  }

  /** A clock that reads otherwise than this one and runs by it. */
  skewed(skew: Skew = {}): SkewedClock {
    return new SkewedClock(this, skew);
  }

  #begin(): void {
    if (this.#isRunning) throw new MyelinError("INTERNAL", "the virtual clock is running already");
    this.#isRunning = true;
  }

  /** Runs what comes next until `untilUs`; false when nothing does. */
  #runNext(untilUs: number): boolean {
    const callback = this.#deferred.shift() ?? this.#nextTimer(untilUs);
    if (callback === undefined) return false;
    if (++this.#callbacksAtOnce > maxCallbacksAtOnce) {
      throw new MyelinError("INTERNAL", `callbacks at ${this.#nowUs} µs do not come to an end`);
    }
    callback();
    return true;
  }

  #nextTimer(untilUs: number): (() => void) | undefined {
    const entry = this.#timers.peek();
    if (entry === undefined || entry.dueUs > untilUs) return undefined;
    this.#timers.remove(entry);
    this.#moveTo(entry.dueUs);
    return entry.callback;
  }

  #moveTo(instantUs: number): void {
    if (instantUs <= this.#nowUs) return;
    this.#nowUs = instantUs;
    this.#callbacksAtOnce = 0;
  }
}

/** An agent's clock in a simulation: its own reading, by the virtual clock's time. */
export class SkewedClock implements Clock {
  readonly #base: VirtualClock;
  readonly #rate: number;
  #anchorUs: number;
  #readingUs: number;

  constructor(base: VirtualClock, skew: Skew) {
    this.#base = base;
    this.#rate = 1 + (skew.driftPpm ?? 0) / 1e6;
    this.#anchorUs = base.nowUs();
    this.#readingUs = this.#anchorUs + (skew.offsetUs ?? 0);
  }

  /** What this clock reads, microseconds since the Unix epoch. */
  nowUs(): number {
    return this.#readingUs + (this.#base.nowUs() - this.#anchorUs) * this.#rate;
  }

  /** Calls `callback` when this clock has gone `delayUs` microseconds further, by its own rate. */
  schedule(delayUs: number, callback: () => void): Timer {
    return this.#base.schedule(delayUs / this.#rate, callback);
  }

  /** As the virtual clock does. */
  defer(callback: () => void): void {
    this.#base.defer(callback);
  }

  /** Sets the reading forward, or back when below zero, as somebody who sets the clock does. Timers stay. */
  step(byUs: number): void {
    this.#readingUs = this.nowUs() + byUs;
    this.#anchorUs = this.#base.nowUs();
  }
}

/** Lets the engine work off its promise jobs: a message to oneself arrives only after all of them. */
class JobQueue {
  readonly #channel = new MessageChannel();
  #resolve: (() => void) | undefined;

  constructor() {
    this.#channel.port1.onmessage = () => this.#resolve?.();
  }

  settle(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#channel.port2.postMessage(undefined);
    });
  }

  close(): void {
    this.#channel.port1.close();
  }
}
