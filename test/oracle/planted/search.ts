/** Plants faults into the engine, and searches for pairs that show them. */
import { checkDifferential } from "../differential/compare.ts";
import { executedFeatures } from "../differential/features.ts";
import { plantedFaults } from "./faults.ts";
import { plantInto, type PlantedFault } from "./plant.ts";

/** A planted fault must be shown by one of so many pairs. */
export const mostPairs = 3_000;
/** The pairs that are searched are this seed's. */
const seed = 1;

/** The first pair, from one on, that shows a fault; undefined when none of `count` does. */
export async function findPair(
  name: string,
  { edits }: PlantedFault,
  from: number,
  count: number,
): Promise<number | undefined> {
  const Made = await plantInto(name, edits);
  const { failed, counterexamplePath } = checkDifferential({
    features: executedFeatures,
    runs: count,
    seed,
    from,
    Made,
    isUnshrunk: true,
  });
  return failed ? Number(counterexamplePath) : undefined;
}

/** Searches for one fault, or all, and prints what finds them; gives the exit code. */
export async function searchPlanted(name: string | undefined): Promise<number> {
  const chosen = Object.entries(plantedFaults).filter(
    ([known]) => name === undefined || known === name,
  );
  if (chosen.length === 0) {
    const list = Object.keys(plantedFaults).join("\n  ");
    process.stderr.write(`no fault ${JSON.stringify(name)}; there are\n  ${list}\n`);
    return 2;
  }
  let missed = 0;
  for (const [known, fault] of chosen) {
    const pair = await findPair(known, fault, 0, mostPairs);
    if (pair === undefined) missed += 1;
    const found = pair === undefined ? `none of ${mostPairs} pairs shows it` : `pair ${pair}`;
    process.stdout.write(`${known}: ${found}\n`);
  }
  return missed > 0 ? 1 : 0;
}
