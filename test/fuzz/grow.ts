/**
 * Grows the kept corpus: inputs that reach code of the node which no kept one has reached are kept too, and spoiled
 * further. It reads V8's coverage after each input, which takes some milliseconds, so it is run by hand and not with
 * the tests, which replay what it has kept.
 */
import { seededRandom } from "@myelin/core/random";
import { encodingNames } from "@myelin/core/wire";
import { Arena } from "./arena.ts";
import { Coverage } from "./coverage.ts";
import { type Input, inputAt, spoilKept } from "./input.ts";
import { keep, keptInputs } from "./kept.ts";

/** Inputs that one node has to bear. */
const inputsPerRound = 2000;
const inputsPerCheck = 250;
/** What is larger reaches nothing that a smaller one does not. */
const mostKeptBytes = 4096;

export interface Growth {
  readonly kept: number;
  readonly functions: number;
}

/** Runs inputs, half of them made of kept ones. `onKept` is told the place in the code that was new. @throws what the node threw */
export async function grow(options: {
  readonly seed: number;
  readonly iterations: number;
  readonly onKept: (name: string, place: string) => void;
}): Promise<Growth> {
  const { seed, iterations, onKept } = options;
  const coverage = new Coverage();
  const inputs: Input[] = [...keptInputs()];
  const random = seededRandom(seed);
  let arena = await Arena.open();
  for (const input of inputs) arena.attack(input);
  await arena.check();
  coverage.take();
  let kept = 0;
  for (let at = 0; at < iterations; at++) {
    if (at % inputsPerRound === 0) arena = await Arena.open();
    const base = inputs[Math.floor(random.float() * inputs.length)];
    const input =
      base === undefined || random.float() < 0.5
        ? inputAt(seed, at, encodingNames[at % encodingNames.length])
        : spoilKept(base, inputs, random);
    arena.attack(input);
    const place = coverage.take();
    if (place !== undefined && input.bytes.length <= mostKeptBytes) {
      inputs.push(input);
      kept += 1;
      onKept(keep(input), place);
    }
    if ((at + 1) % inputsPerCheck === 0) {
      await arena.check();
      coverage.take();
    }
  }
  coverage.close();
  return { kept, functions: coverage.functions };
}
