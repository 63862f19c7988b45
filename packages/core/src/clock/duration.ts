import { MyelinError } from "../errors/index.ts";

const unitsUs: ReadonlyMap<string, number> = new Map([
  ["us", 1],
  ["ms", 1e3],
  ["s", 1e6],
  ["m", 60e6],
  ["h", 3600e6],
  ["d", 86400e6],
]);
const form = /^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+$/;
const pair = /(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g;

/**
 * Reads a duration of number-unit pairs such as `250us`, `1.5s` or `1h30m`, in whole microseconds.
 * @throws MyelinError INVALID_ARGUMENT for numbers without a unit and anything else.
 */
export function parseDuration(text: string): number {
  if (typeof text !== "string" || text.length > 64 || !form.test(text)) {
    throw new MyelinError(
      "INVALID_ARGUMENT",
      `${JSON.stringify(String(text).slice(0, 80))} is not a duration`,
      {
        hint: "Write number-unit pairs, such as 250us, 10ms, 1.5s, 2m, 1h or 1m30s.",
      },
    );
  }
  let totalUs = 0;
  for (const [, amount, unit] of text.matchAll(pair)) {
    totalUs += Number(amount) * (unitsUs.get(unit ?? "") ?? 0);
  }
  const wholeUs = Math.round(totalUs);
  if (!Number.isSafeInteger(wholeUs)) {
    throw new MyelinError("INVALID_ARGUMENT", `the duration ${JSON.stringify(text)} is too long`);
  }
  return wholeUs;
}

/** Writes microseconds as the shortest exact duration in one unit up to minutes, such as `1500ms` or `2m`. */
export function formatDuration(durationUs: number): string {
  if (durationUs === 0) return "0s";
  for (const unit of ["h", "m", "s", "ms"]) {
    const unitUs = unitsUs.get(unit) ?? 1;
    if (durationUs % unitUs === 0) return `${durationUs / unitUs}${unit}`;
  }
  return `${durationUs}us`;
}
