import { MyelinError } from "@myelin/core/errors";
import { parsePartName } from "@myelin/core/ids";
import type { FrameWriter, PartStateName } from "@myelin/core/wire";

/** Most parts that can be vouched for. */
const mostParts = 64;

/** What this part last said of other parts of its agent, told again to whoever connects anew. */
export class Vouches {
  readonly #states = new Map<string, PartStateName>();

  /** @throws MyelinError INVALID_ARGUMENT for a part's name that is none, RESOURCE_EXHAUSTED for too many parts */
  set(part: string, state: PartStateName): void {
    const name = parsePartName(part);
    if (this.#states.size >= mostParts && !this.#states.has(name)) {
      throw new MyelinError("RESOURCE_EXHAUSTED", `more than ${mostParts} parts are vouched for`);
    }
    this.#states.set(name, state);
  }

  writeTo(control: FrameWriter): void {
    for (const [part, state] of this.#states) control.partState({ part, state });
  }
}
