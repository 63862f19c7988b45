/** A node's engine that is told random things as they happen, and what a recorder would have written of it. */
import type { JsonObject } from "@myelin/core/json";
import { type Recorded, defaultAttributes } from "@myelin/core/recordings";
import { parseRuleFile, type RulePlan } from "@myelin/core/rules";
import { mayTryAgain } from "@myelin/core/instruction";
import { Engine, type Firing } from "../engine/index.ts";
import { HeldBack } from "../ingest/index.ts";
import type { RecordedData } from "./data.ts";

export const beginUs = 1_767_225_600_000_000;

/** The rules of a text that has no error. */
export function rulesOf(text: string): readonly RulePlan[] {
  const { rules, problems } = parseRuleFile(text);
  const [error] = problems.filter(({ severity }) => severity === "error");
  if (error !== undefined) throw new Error(error.message);
  return rules;
}

/** Entries as a recording, in batches of some. */
export function dataOf(
  entries: readonly Recorded[],
  isOfNode = false,
  batchSize = 7,
): RecordedData {
  return {
    isOfNode,
    read: async function* () {
      for (let from = 0; from < entries.length; from += batchSize)
        yield entries.slice(from, from + batchSize);
    },
  };
}

/** What the live engine decided. */
export interface LiveFiring {
  readonly rule: string;
  readonly agent: string;
  readonly args: JsonObject;
  readonly atUs: number;
  readonly attempt: number;
  readonly mode: string;
}

/** Numbers from a seed. */
type Dice = () => number;

export function diceOf(seed: number): Dice {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return ((state >>> 8) ^ (state >>> 20)) / 0x100_0000;
  };
}

const names = ["cpu", "mem"] as const;

/** Lives for some inputs: samples, late ones too, events, states, comings and goings; timers run late, instructions take time. */
export class Live {
  readonly recorded: Recorded[] = [];
  readonly firings: LiveFiring[] = [];
  readonly #dice: Dice;
  readonly #engine: Engine;
  readonly #held: HeldBack;
  readonly #latenessUs: number;
  readonly #slots = new Map<string, number>();
  readonly #ends: {
    readonly atUs: number;
    readonly firing: Firing;
    readonly succeeded: boolean;
  }[] = [];
  #nowUs = beginUs;

  constructor(rules: readonly RulePlan[], dice: Dice, latenessUs: number) {
    this.#dice = dice;
    this.#latenessUs = latenessUs;
    this.#engine = new Engine({
      maxAgents: 10,
      maxMetrics: 10,
      futureToleranceUs: 60_000_000,
      hooks: { onFiring: (firing) => this.#onFiring(firing) },
    });
    const engine = this.#engine;
    const counters = { hurriedSamples: 0 };
    this.#held = new HeldBack({ engine, latenessUs, maxSamples: Infinity, counters });
    engine.setRules(
      rules.map((plan) => ({ plan, version: 1, meaningVersion: 1 })),
      beginUs,
    );
    this.#record({ kind: "start", atUs: beginUs });
  }

  live(inputs: number): void {
    for (let input = 0; input < inputs; input += 1) {
      const gapUs = this.#dice() < 0.3 ? 5_000 : 3_000_000;
      this.#passTo(this.#nowUs + Math.floor(this.#dice() * gapUs));
      this.#input(`a${Math.floor(this.#dice() * 3)}`);
    }
    this.#passTo(this.#nowUs + 5_000_000);
    this.#record({ kind: "timers", atUs: this.#nowUs });
    this.#runTimers();
  }

  /** Time passes; timers and ends that are due happen, some late. */
  #passTo(wantedUs: number): void {
    for (let untilUs = wantedUs; ; ) {
      const dueUs = Math.min(
        this.#engine.nextDueUs,
        this.#held.count === 0 ? Infinity : this.#held.nextDueUs,
      );
      const [end] = this.#ends;
      if (end !== undefined && end.atUs <= untilUs && end.atUs <= dueUs) {
        this.#ends.shift();
        this.#nowUs = Math.max(this.#nowUs, end.atUs);
        this.#end(end.firing, end.succeeded);
        continue;
      }
      // A loop that is held up runs its timers first; one that is not may take an input before them.
      const isHeldUp = this.#dice() < 0.3;
      const runsUs = dueUs + Math.floor(this.#dice() * (isHeldUp ? 900_000 : 10_000));
      if (dueUs > untilUs || (!isHeldUp && runsUs > untilUs)) {
        this.#nowUs = Math.max(this.#nowUs, untilUs);
        return;
      }
      this.#nowUs = Math.max(this.#nowUs, runsUs);
      untilUs = Math.max(untilUs, this.#nowUs);
      this.#record({ kind: "timers", atUs: this.#nowUs });
      this.#runTimers();
    }
  }

  #runTimers(): void {
    this.#held.release(this.#nowUs);
    this.#engine.advance(this.#nowUs);
  }

  #input(agent: string): void {
    const atUs = this.#nowUs;
    const base = { atUs, agent };
    const slot = this.#slots.get(agent) ?? this.#join(agent);
    const timeUs = atUs - Math.floor(this.#dice() * 2_000_000);
    const choice = this.#dice();
    if (choice < 0.03) {
      this.#record({ ...base, kind: "leave" });
      this.#slots.delete(agent);
      this.#engine.leave(slot, atUs);
    } else if (choice < 0.08) {
      const attributes = { ...defaultAttributes(agent), type: choice < 0.05 ? "agent" : "other" };
      this.#record({ ...base, kind: "attributes", attributes });
      this.#engine.setAttributes(slot, attributes, atUs);
    } else if (choice < 0.15) {
      const event = { type: "oops", attrs: { n: choice } };
      this.#record({ ...base, kind: "event", part: 1, timeUs, ...event });
      this.#engine.event(slot, 1, event, timeUs, atUs);
    } else if (choice < 0.22) {
      const twin = { busy: choice < 0.18 };
      this.#record({ ...base, kind: "twin", part: 1, timeUs, twin });
      this.#engine.setTwin(slot, twin, undefined, 1, timeUs, atUs);
    } else this.#samples(agent, slot, timeUs);
  }

  #samples(agent: string, slot: number, firstUs: number): void {
    const count = 1 + Math.floor(this.#dice() * 4);
    const samples = Array.from({ length: count }, (_, index) => ({
      metric: names[Math.floor(this.#dice() * names.length)] ?? "cpu",
      value: Math.floor(this.#dice() * 10) / 10,
      timeUs: firstUs + index * 200_000,
    }));
    this.#record({ kind: "samples", atUs: this.#nowUs, agent, part: 1, samples });
    const intake = this.#latenessUs > 0 ? this.#held : this.#engine;
    intake.apply(
      slot,
      1,
      count,
      Int32Array.from(samples, ({ metric }) => this.#engine.metric(metric)),
      Float64Array.from(samples, ({ value }) => value),
      Float64Array.from(samples, ({ timeUs }) => timeUs),
      this.#nowUs,
    );
  }

  #join(agent: string): number {
    const attributes = defaultAttributes(agent);
    this.#record({ kind: "join", atUs: this.#nowUs, agent, attributes });
    this.#record({ kind: "line", atUs: this.#nowUs, agent, part: 1, line: `l${this.#nowUs}` });
    const slot = this.#engine.join(attributes, this.#nowUs);
    this.#engine.startTimeLine(slot, 1, `l${this.#nowUs}`);
    this.#slots.set(agent, slot);
    return slot;
  }

  #onFiring(firing: Firing): void {
    const { plan, agent, args, episode, isShadow, isSuppressed } = firing;
    const mode = isShadow ? "shadow" : isSuppressed ? "suppressed" : "sent";
    const { attempt } = episode;
    this.firings.push({ rule: plan.name, agent, args, atUs: this.#nowUs, attempt, mode });
    if (mode !== "sent") {
      this.#end(firing, !mayTryAgain(mode === "shadow" ? "canceled" : "rejected"));
      return;
    }
    const atUs = this.#nowUs + 1 + Math.floor(this.#dice() * 4_000_000);
    this.#ends.push({ atUs, firing, succeeded: this.#dice() < 0.7 });
    this.#ends.sort((a, b) => a.atUs - b.atUs);
  }

  #end({ episode, agent }: Firing, succeeded: boolean): void {
    const slot = this.#slots.get(agent);
    if (slot === undefined) return;
    const { rule, attempt, startedAtUs } = episode;
    const atUs = this.#nowUs;
    this.#record({ kind: "end", atUs, agent, rule, attempt, startedAtUs, succeeded });
    this.#engine.instructionEnded(rule, slot, { succeeded, endedAtUs: atUs, attempt, startedAtUs });
  }

  #record(entry: Recorded): void {
    this.recorded.push(entry);
  }
}
