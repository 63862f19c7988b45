/** Plants each fault, and searches the seeds for the first that finds it. */
import { plantedFaults } from "../planted/faults.ts";
import { seedsBetween, sweep } from "../sweep/sweep.ts";
import type { Verdict } from "../simulate.ts";

/** A planted fault must be found by one of so many seeds. */
export const mostSeeds = 1000;

/** The first run found that shows a planted fault; undefined when none of the seeds does. */
export async function findPlanted(
  planted: string,
  options: { readonly threads?: number } = {},
): Promise<Verdict | undefined> {
  let found: Verdict | undefined;
  await sweep(
    // The hundredth seeds have large fleets: they take long, and find nothing that small ones do not.
    seedsBetween(1, mostSeeds)
      .filter((seed) => seed % 100 !== 0)
      .map((seed) => ({ seed, planted })),
    {
      ...options,
      onVerdict: (verdict) => {
        if (verdict.broken.length > 0 && (found === undefined || verdict.seed < found.seed))
          found = verdict;
        return found === undefined;
      },
    },
  );
  return found;
}

/** Searches for one fault, or all, and prints what finds them; gives the exit code. */
export async function searchPlanted(
  name: string | undefined,
  options: { readonly threads: number },
): Promise<number> {
  const names = Object.keys(plantedFaults).filter((known) => name === undefined || known === name);
  if (names.length === 0) {
    const list = Object.keys(plantedFaults).join("\n  ");
    process.stderr.write(`no fault ${JSON.stringify(name)}; there are\n  ${list}\n`);
    return 2;
  }
  let missed = 0;
  for (const planted of names) {
    const found = await findPlanted(planted, options);
    if (found === undefined) missed += 1;
    process.stdout.write(
      found === undefined
        ? `${planted}: none of ${mostSeeds} seeds finds it\n`
        : `${planted}: seed ${found.seed}, ${found.broken.join("; ")}\n`,
    );
  }
  return missed > 0 ? 1 : 0;
}
