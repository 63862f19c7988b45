/**
 * promtool's notation of a series: values with spaces between, one for each interval.
 *
 * `a+bxn` is a, a+b, … a+n·b, `a-bxn` the same downwards, `axn` n+1 times a, `_` no sample, `_xn` n times
 * none, `stale` and `NaN` a NaN; infinities are `Inf` and `-Inf`.
 */
import { testLimits } from "./limits.ts";

/** The samples of a series, one for each interval; undefined where there is none. */
export type SeriesValues = readonly (number | undefined)[];

/** What is wrong with a series, and where in its text. */
export interface SeriesFault {
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}

const digits = String.raw`(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?`;
const number = String.raw`[+-]?(?:${digits}|[Ii]nf)|[Nn]a[Nn]`;
const missing = /^_(?:x(\d+))?$/;
const run = new RegExp(`^(${number})(?:([+-])(${digits}))?x(\\d+)$`);
const single = new RegExp(`^(?:${number})$`);

const hint =
  "write values with spaces between: 1, 0+10x5 (a+bxn: n+1 samples), 5x3, _ or _x3 (none), stale (a NaN)";

/** Reads a series. */
export function parseSeries(
  text: string,
): { readonly values: SeriesValues } | { readonly fault: SeriesFault } {
  const values: (number | undefined)[] = [];
  for (const { 0: word, index: offset } of text.matchAll(/\S+/g)) {
    const samples = samplesOf(word);
    if (samples === undefined)
      return { fault: { offset, message: `${JSON.stringify(word)} is no part of a series`, hint } };
    if (values.length + samples.count > testLimits.samplesPerSeries) {
      const message = `the series has more than ${testLimits.samplesPerSeries} samples`;
      return { fault: { offset, message, hint: "give it a longer interval, or fewer samples" } };
    }
    for (let at = 0; at < samples.count; at += 1) values.push(samples.valueAt(at));
  }
  if (values.length > 0) return { values };
  return { fault: { offset: 0, message: "the series is empty", hint } };
}

interface Samples {
  readonly count: number;
  valueAt(at: number): number | undefined;
}

function samplesOf(word: string): Samples | undefined {
  const none = missing.exec(word);
  if (none !== null) return { count: Number(none[1] ?? 1), valueAt: () => undefined };
  if (word === "stale") return { count: 1, valueAt: () => Number.NaN };
  if (single.test(word)) return { count: 1, valueAt: () => numberOf(word) };
  const [, first = "", sign, step, times = ""] = run.exec(word) ?? [];
  if (times === "") return undefined;
  const from = numberOf(first);
  const by = step === undefined ? 0 : Number(step) * (sign === "-" ? -1 : 1);
  return {
    count: Number(times) + 1,
    valueAt: (at) => (step === undefined ? from : from + by * at),
  };
}

function numberOf(text: string): number {
  const word = text.toLowerCase();
  if (word.endsWith("inf")) return word.startsWith("-") ? -Infinity : Infinity;
  return Number(text);
}
