/**
 * The switch over all rules of the node: on, or every rule decides as in shadow mode.
 *
 * Invariants
 * 1. Off is in force before the disk has it, on only after: a full disk does not keep rules acting.
 * 2. Changes happen one after another; switching to what it is already changes nothing.
 */
import type { Clock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { EnforcementRecord, Store } from "../ports/store.ts";

export interface EnforcementOptions {
  readonly clock: Clock;
  readonly store: Pick<Store, "saveEnforcement">;
  /** Puts it in force, or out of it. */
  readonly switch: (isOn: boolean) => void;
  /** Told of each change that is in force, and at the start when it is off. */
  readonly onChange: (record: EnforcementRecord) => void;
}

export class Enforcement {
  readonly #options: EnforcementOptions;
  #record: EnforcementRecord | undefined;
  /** False while the disk has not taken what is in force. */
  #isKept = true;
  /** Calls to switch it off that wait for their turn; it is off already. */
  #waitingOffs = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: EnforcementOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#record?.isOn ?? true;
  }

  /** Undefined while nobody has ever switched it. */
  get record(): EnforcementRecord | undefined {
    return this.#record;
  }

  /** Takes over what an earlier run was told. */
  restore(record: EnforcementRecord | undefined): void {
    if (record === undefined) return;
    this.#record = record;
    this.#options.switch(record.isOn);
    if (!record.isOn) this.#options.onChange(record);
  }

  /** Switches as the node's other switch was, which keeps the record of it. */
  follow(isOn: boolean): void {
    this.#record = { isOn, changedAtUs: this.#options.clock.nowUs(), actor: "node" };
    this.#options.switch(isOn);
  }

  /**
   * Switches enforcement.
   * @returns False when it was so already.
   * @throws MyelinError the store's errors; off is in force then, until the node ends
   */
  async set(isOn: boolean, actor: string, reason?: string): Promise<boolean> {
    if (!isOn) {
      this.#waitingOffs += 1;
      this.#options.switch(false);
    }
    const record = (): EnforcementRecord => ({
      isOn,
      changedAtUs: this.#options.clock.nowUs(),
      actor,
      ...(reason === undefined ? {} : { reason }),
    });
    const result = this.#turn.then(() => (isOn ? this.#on(record()) : this.#off(record())));
    this.#turn = result.catch(() => undefined);
    return await result;
  }

  async #on(record: EnforcementRecord): Promise<boolean> {
    if (this.isOn) return false;
    await this.#options.store.saveEnforcement(record);
    this.#record = record;
    this.#isKept = true;
    if (this.#waitingOffs === 0) this.#options.switch(true);
    this.#options.onChange(record);
    return true;
  }

  async #off(record: EnforcementRecord): Promise<boolean> {
    this.#waitingOffs -= 1;
    const wasOn = this.isOn;
    if (!wasOn && this.#isKept) return false;
    this.#isKept = false;
    if (wasOn) {
      this.#record = record;
      this.#options.onChange(record);
    }
    try {
      await this.#options.store.saveEnforcement(this.#record ?? record);
    } catch (thrown) {
      const { code, message } = MyelinError.from(thrown);
      throw new MyelinError(
        code,
        `enforcement is off until the node ends, and not beyond: ${message}`,
        {
          hint: "Mend the disk, then switch it off again to have it kept.",
          cause: thrown,
        },
      );
    }
    this.#isKept = true;
    return wasOn;
  }
}
