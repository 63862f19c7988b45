import { Session } from "node:inspector/promises";
import { setTimeout as delay } from "node:timers/promises";
import { MyelinError } from "@myelin/core/errors";

/** Between two looks at what runs. */
const intervalUs = 1000;

/** Makes profiles of this thread, one at a time. */
export class CpuProfiler {
  #isBusy = false;

  /** Looks on for so long, or until the caller has gone. @throws MyelinError CONFLICT */
  async profile(seconds: number, signal: AbortSignal): Promise<unknown> {
    if (this.#isBusy) {
      throw new MyelinError("CONFLICT", "another profile is being made", {
        hint: "Wait until it is done.",
      });
    }
    this.#isBusy = true;
    const session = new Session();
    try {
      session.connect();
      await session.post("Profiler.enable");
      await session.post("Profiler.setSamplingInterval", { interval: intervalUs });
      await session.post("Profiler.start");
      await delay(seconds * 1000, undefined, { signal }).catch(() => undefined);
      return (await session.post("Profiler.stop")).profile;
    } finally {
      session.disconnect();
      this.#isBusy = false;
    }
  }
}
