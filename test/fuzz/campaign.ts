/**
 * Campaigns of inputs against a node in virtual time, in rounds. Each round has a node of its own, so that an
 * input is replayed with all that came before it in its round, and with nothing else.
 */
import type { EncodingName } from "@myelin/core/wire";
import { Arena } from "./arena.ts";
import { type Input, inputAt } from "./input.ts";
import { usedBytes } from "./memory.ts";

/** Inputs that one node has to bear. */
const inputsPerRound = 10_000;
/** Inputs after which the bystander's control loop is tried. */
const inputsPerCheck = 250;
/** Memory in use may grow by this within a round, from its first tenth on, and from the first round to any other. */
export const maxGrowthBytes: number = 16 << 20;

export interface CampaignOptions {
  readonly seed: number;
  readonly iterations: number;
  /** All take turns unless one is named. */
  readonly encoding?: EncodingName;
  /** Told after each round. */
  readonly onRound?: (done: number) => void;
}

/** An input that broke something. */
export interface Find {
  readonly at: number;
  readonly input: Input;
  readonly error: unknown;
}

export interface CampaignResult {
  readonly inputs: number;
  readonly find: Find | undefined;
  /** What came of the inputs. */
  readonly counters: Arena["counters"];
  /** The largest growth of memory that was seen. */
  readonly growthBytes: number;
}

/** Runs inputs until one breaks something, or all are done. */
export async function campaign(options: CampaignOptions): Promise<CampaignResult> {
  const { seed, iterations, encoding } = options;
  const counters = { expelled: 0, survived: 0, refused: 0 };
  let growthBytes = 0;
  let firstUsedBytes = Number.POSITIVE_INFINITY;
  for (let from = 0; from < iterations; from += inputsPerRound) {
    const arena = await Arena.open();
    const until = Math.min(from + inputsPerRound, iterations);
    const lookAt = from + inputsPerRound / 10;
    let earlyUsedBytes = Number.POSITIVE_INFINITY;
    for (let at = from; at < until; at++) {
      const input = inputAt(seed, at, encoding);
      try {
        arena.attack(input);
        if ((at + 1) % inputsPerCheck === 0 || at + 1 === until) await arena.check();
      } catch (error) {
        return { inputs: at + 1, find: { at, input, error }, counters, growthBytes };
      }
      if (at === lookAt) earlyUsedBytes = usedBytes();
    }
    const nowUsedBytes = usedBytes();
    firstUsedBytes = Math.min(firstUsedBytes, nowUsedBytes);
    growthBytes = Math.max(
      growthBytes,
      nowUsedBytes - earlyUsedBytes,
      nowUsedBytes - firstUsedBytes,
    );
    for (const name of ["expelled", "survived", "refused"] as const)
      counters[name] += arena.counters[name];
    options.onRound?.(until);
  }
  return { inputs: iterations, find: undefined, counters, growthBytes };
}

/** Runs what came before an input in its round, then the input, with a look at the bystander behind it. */
export async function replay(options: {
  readonly seed: number;
  readonly at: number;
  readonly encoding?: EncodingName;
}): Promise<Find | undefined> {
  const { seed, at, encoding } = options;
  const arena = await Arena.open();
  for (let index = at - (at % inputsPerRound); index <= at; index++) {
    const input = inputAt(seed, index, encoding);
    try {
      arena.attack(input);
      if ((index + 1) % inputsPerCheck === 0 || index === at) await arena.check();
    } catch (error) {
      return { at: index, input, error };
    }
  }
  return undefined;
}
