/**
 * One life of a program in the simulation.
 *
 * Invariants
 * 1. Nothing of a program runs but through `enter`: its timers, and what its channels tell it.
 * 2. While it is held still its entries wait, in order; once it is dead they never run.
 * 3. Each entry that waited has a turn of the loop of its own.
 */
import type { Clock, Timer } from "@myelin/core/clock";

/** Told of what a program threw outside of any handler: such a program would have died. */
export type OnThrown = (process: SimProcess, error: unknown) => void;

export class SimProcess {
  readonly name: string;
  /** The program's clock: it reads as the one given, and dies with the program. */
  readonly clock: Clock;
  readonly #defer: (callback: () => void) => void;
  readonly #onThrown: OnThrown;
  readonly #backlog: (() => void)[] = [];
  readonly #onHeld: ((isHeld: boolean) => void)[] = [];
  #state: "running" | "held" | "dead" = "running";
  #isPumping = false;

  constructor(name: string, clock: Clock, onThrown: OnThrown) {
    this.name = name;
    this.#defer = (callback) => clock.defer(callback);
    this.#onThrown = onThrown;
    this.clock = {
      nowUs: () => clock.nowUs(),
      schedule: (delayUs, callback): Timer => {
        let isCanceled = false;
        const timer = clock.schedule(delayUs, () =>
          this.enter(() => {
            if (!isCanceled) callback();
          }),
        );
        return {
          cancel: () => {
            isCanceled = true;
            timer.cancel();
          },
        };
      },
      defer: (callback) => clock.defer(() => this.enter(callback)),
    };
  }

  get isAlive(): boolean {
    return this.#state !== "dead";
  }

  get isHeld(): boolean {
    return this.#state === "held";
  }

  /** Runs `callback` as the program's own: now, later when the program is held still, never when it is dead. */
  enter(callback: () => void): void {
    if (this.#state === "dead") return;
    if (this.#state === "held" || this.#backlog.length > 0) {
      this.#backlog.push(callback);
      return;
    }
    this.#run(callback);
  }

  /** Told when the program is held still, and when it goes on. */
  onHeld(listener: (isHeld: boolean) => void): void {
    this.#onHeld.push(listener);
  }

  /** Holds the program still, as SIGSTOP does. */
  hold(): void {
    if (this.#state !== "running") return;
    this.#state = "held";
    for (const listener of this.#onHeld) listener(true);
  }

  /** Lets it go on. */
  release(): void {
    if (this.#state !== "held") return;
    this.#state = "running";
    for (const listener of this.#onHeld) listener(false);
    this.#pump();
  }

  /** Ends it at once, as SIGKILL does. */
  kill(): void {
    this.#state = "dead";
    this.#backlog.length = 0;
  }

  #pump(): void {
    if (this.#isPumping || this.#backlog.length === 0) return;
    this.#isPumping = true;
    this.#defer(() => {
      this.#isPumping = false;
      if (this.#state !== "running") return;
      const callback = this.#backlog.shift();
      if (callback !== undefined) this.#run(callback);
      this.#pump();
    });
  }

  #run(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#onThrown(this, error);
    }
  }
}
