import type { Agent, Metric } from "@myelin/agent";
import { Histogram } from "@myelin/core/statistics";
import { nowUs, openLoop } from "../floor/pacer.ts";

/** Loops a second. */
export const ratePerSecond = 1000;
/** How long one slice is. */
export const sliceUs = 1e6;
/** Metrics in turn, with a rule on each: as many samples may be in flight at once, a quarter of a second's. */
const ruleCount = 256;

/** Each report raises one metric, which fires its rule, and lowers the one before, which ends that episode. */
export function loopRules(): string {
  const list = Array.from({ length: ruleCount }, (_, at) => ({
    name: `loop-${at}`,
    expr: `turn_${at} > 0`,
    action: "measure",
    args: { number: `\${turn_${at}}` },
    sla: "10ms",
    // Short, so that the agent's store of outcomes, which keeps each until then, does not fill up.
    deadline: "1s",
    timeout: "1s",
    cooldown: "0s",
  }));
  return JSON.stringify({ rules: list });
}

/** What one slice of loops has shown. */
export interface LoopResult {
  readonly latenciesUs: Histogram;
  readonly sent: number;
  readonly received: number;
}

/** Reports samples that fire, and measures from when each was meant to be reported until its handler is called. */
export class LoopClient {
  readonly #metrics: readonly Metric[];
  readonly #intendedUs: number[] = [];
  #sent = 0;
  #received = 0;
  #latenciesUs = new Histogram();
  #onAll: (() => void) | undefined;

  constructor(agent: Agent) {
    this.#metrics = Array.from({ length: ruleCount }, (_, at) => agent.metric(`turn_${at}`));
    agent.on("measure", (instruction) => {
      const intendedUs = this.#intendedUs[Number(instruction.args["number"])];
      if (intendedUs !== undefined) this.#latenciesUs.record(nowUs() - intendedUs);
      this.#received++;
      if (this.#received === this.#sent) this.#onAll?.();
    });
  }

  /** One slice. */
  async measure(): Promise<LoopResult> {
    this.#latenciesUs = new Histogram();
    const [sentBefore, receivedBefore] = [this.#sent, this.#received];
    await openLoop({
      ratePerSecond,
      durationUs: sliceUs,
      send: (intendedUs) => {
        const number = ++this.#sent;
        this.#intendedUs[number] = intendedUs;
        this.#metrics[(number - 1) % ruleCount]?.report(0);
        this.#metrics[number % ruleCount]?.report(number);
      },
    });
    if (this.#received < this.#sent) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onAll = resolve;
      const timer = setTimeout(resolve, 1000);
      await promise;
      clearTimeout(timer);
      this.#onAll = undefined;
    }
    return {
      latenciesUs: this.#latenciesUs,
      sent: this.#sent - sentBefore,
      received: this.#received - receivedBefore,
    };
  }
}
