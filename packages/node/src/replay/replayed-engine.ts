import type { AgentAttributes, RulePlan } from "@myelin/core/rules";
import type { RuleTestSettings } from "@myelin/core/rule-tests";
import { Engine, type EngineHooks } from "../engine/index.ts";
import { HeldBack } from "../ingest/index.ts";

/** Parts of an agent in the engine: what the node observes, and the program. */
export const parts = { node: 0, app: 1 } as const;
export type Part = (typeof parts)[keyof typeof parts];

interface ReplayedSample {
  readonly metric: string;
  readonly value: number;
  readonly timeUs: number;
}

interface ReplayedEngineOptions {
  /** Put in force at `atUs`; who has something to tell before does that himself. */
  readonly rules?: readonly RulePlan[];
  readonly settings: RuleTestSettings;
  readonly maxAgents: number;
  /** Where its clock begins. */
  readonly atUs: number;
  readonly hooks: EngineHooks;
}

const futureToleranceUs = 60_000_000;
const never = Number.POSITIVE_INFINITY;

/** The engine with rules in force, and before it what holds samples back, as a node has them, on a clock that its owner moves. */
export class ReplayedEngine {
  readonly engine: Engine;
  readonly #held: HeldBack;
  /** What takes the program's samples: the engine, or before it what holds them back. */
  readonly #intake: Pick<Engine, "apply">;
  /** By slot, then part, where nothing waits: the newest instant told. */
  readonly #toldUs: number[][] = [];
  #nowUs: number;
  #metrics: Int32Array = new Int32Array(64);
  #values: Float64Array = new Float64Array(64);
  #timesUs: Float64Array = new Float64Array(64);

  constructor({ rules, settings, maxAgents, atUs, hooks }: ReplayedEngineOptions) {
    const { latenessUs = 0, ...more } = settings;
    this.#nowUs = atUs;
    this.engine = new Engine({
      maxAgents,
      maxMetrics: Number.MAX_SAFE_INTEGER,
      futureToleranceUs,
      ...more,
      hooks,
    });
    const { engine } = this;
    const counters = { hurriedSamples: 0 };
    this.#held = new HeldBack({ engine, latenessUs, maxSamples: never, counters });
    this.#intake = latenessUs === 0 ? engine : this.#held;
    if (rules === undefined) return;
    const versions = rules.map((plan) => ({ plan, version: 1, meaningVersion: 1 }));
    engine.setRules(versions, atUs);
  }

  /** The node's clock. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** When samples that wait have waited long enough; Infinity when none do. */
  get heldDueUs(): number {
    return this.#held.count === 0 ? never : this.#held.nextDueUs;
  }

  /** When the next timer is due, or samples that wait; Infinity when nothing is. */
  get dueUs(): number {
    return Math.min(this.engine.nextDueUs, this.heldDueUs);
  }

  /** Moves the clock on, if that is later; what is due meanwhile does not run by itself. */
  moveTo(atUs: number): void {
    if (atUs > this.#nowUs) this.#nowUs = atUs;
  }

  /** Lets go of samples that have waited long enough. */
  release(): void {
    this.#held.release(this.#nowUs);
  }

  /** Does what a node's timer does: samples that have waited long enough, then timers that are due. */
  runDue(): void {
    this.release();
    this.engine.advance(this.#nowUs);
  }

  /** An agent joins, and its program begins a time line. */
  join(attributes: AgentAttributes, line = `${attributes.id}-${this.#nowUs}`): number {
    const slot = this.engine.join(attributes, this.#nowUs);
    this.#toldUs[slot] = [];
    this.engine.startTimeLine(slot, parts.app, line);
    return slot;
  }

  /** The samples of one frame, in order of time. */
  samples(slot: number, part: number, samples: readonly ReplayedSample[]): void {
    const count = samples.length;
    if (count > this.#metrics.length) {
      this.#metrics = new Int32Array(2 * count);
      this.#values = new Float64Array(2 * count);
      this.#timesUs = new Float64Array(2 * count);
    }
    const { engine } = this;
    const [metrics, values, timesUs] = [this.#metrics, this.#values, this.#timesUs];
    for (let index = 0; index < count; index += 1) {
      const { metric, value, timeUs } = samples[index] as ReplayedSample;
      metrics[index] = engine.metric(metric);
      values[index] = value;
      timesUs[index] = timeUs;
    }
    // What the node observes itself waits for nothing.
    const intake = part === parts.node ? engine : this.#intake;
    intake.apply(slot, part, count, metrics, values, timesUs, this.#nowUs);
    if (intake === engine && count > 0) this.#told(slot, part, timesUs[count - 1] as number);
  }

  /** The newest instant applied of a part's present time line; -Infinity when there is none. */
  appliedUs(slot: number, part: number): number {
    if (part !== parts.node && this.#intake === this.#held) return this.#held.appliedUs(slot, part);
    return this.#toldUs[slot]?.[part] ?? Number.NEGATIVE_INFINITY;
  }

  #told(slot: number, part: number, untilUs: number): void {
    const own = (this.#toldUs[slot] ??= []);
    own[part] = Math.max(untilUs, own[part] ?? untilUs);
  }
}
