/**
 * Instants and durations of CEL: to the nanosecond, from the year 1 to 9999, and as far apart as 64 bits of
 * nanoseconds reach. Unknown (undefined) where CEL has an error.
 */
import { Duration, Timestamp, type Value } from "./values.ts";

const secondNs = 1_000_000_000n;
const earliestNs = -62_135_596_800n * secondNs;
const latestNs = 253_402_300_800n * secondNs - 1n;

/** An instant, or unknown when it is out of range. */
export function timestampOf(ns: bigint): Timestamp | undefined {
  return ns >= earliestNs && ns <= latestNs ? new Timestamp(ns) : undefined;
}

/** A duration, or unknown when it is out of range. */
export function durationOf(ns: bigint): Duration | undefined {
  return BigInt.asIntN(64, ns) === ns ? new Duration(ns) : undefined;
}

const timestampText =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Reads RFC 3339. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const found = timestampText.exec(text);
  if (found === null) return undefined;
  const number = (group: number): number => Number(found[group] ?? 0);
  const [year, month, day] = [number(1), number(2), number(3)];
  const [hour, minute, second] = [number(4), number(5), number(6)];
  if (hour > 23 || minute > 59 || second > 59 || number(9) > 23 || number(10) > 59)
    return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offsetMinutes = (number(9) * 60 + number(10)) * (found[8] === "-" ? -1 : 1);
  const seconds = BigInt(date.getTime() / 1000 - offsetMinutes * 60);
  return timestampOf(seconds * secondNs + BigInt((found[7] ?? "").padEnd(9, "0")));
}

const unitsNs: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["µs", 1_000n],
  ["μs", 1_000n],
  ["ms", 1_000_000n],
  ["s", secondNs],
  ["m", 60n * secondNs],
  ["h", 3_600n * secondNs],
]);
const durationText = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const durationPart = /(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g;
const longestText = 64;

/** Reads number-unit pairs such as `1h30m` or `-1.5s`, and `0`. */
export function parseDurationText(text: string): Duration | undefined {
  if (text === "0") return new Duration(0n);
  const found = text.length > longestText ? null : durationText.exec(text);
  if (found === null) return undefined;
  let ns = 0n;
  for (const [, whole = "", fraction = "", unit = ""] of (found[2] ?? "").matchAll(durationPart)) {
    const unitNs = unitsNs.get(unit) ?? 0n;
    ns += BigInt(whole) * unitNs + (BigInt(fraction) * unitNs) / 10n ** BigInt(fraction.length);
  }
  return durationOf(found[1] === "-" ? -ns : ns);
}

/** `2009-02-13T23:31:30.5Z`. */
export function timestampAsText({ ns }: Timestamp): string {
  const [seconds, fraction] = split(ns);
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${text}${fractionText(fraction)}Z`;
}

/** `-1.5s`. */
export function durationAsText({ ns }: Duration): string {
  const positive = ns < 0n ? -ns : ns;
  return `${ns < 0n ? "-" : ""}${positive / secondNs}${fractionText(positive % secondNs)}s`;
}

/** Whole seconds, rounded down, and nanoseconds above them. */
function split(ns: bigint): readonly [bigint, bigint] {
  const fraction = ((ns % secondNs) + secondNs) % secondNs;
  return [(ns - fraction) / secondNs, fraction];
}

function fractionText(ns: bigint): string {
  return ns === 0n ? "" : `.${String(ns).padStart(9, "0").replace(/0+$/, "")}`;
}

/** Whole seconds since the epoch. */
export function secondsOf({ ns }: Timestamp): bigint {
  return split(ns)[0];
}

/** What of an instant or a duration a method asks for. */
export type MomentPart =
  | "getFullYear"
  | "getMonth"
  | "getDayOfYear"
  | "getDayOfMonth"
  | "getDate"
  | "getDayOfWeek"
  | "getHours"
  | "getMinutes"
  | "getSeconds"
  | "getMilliseconds";

const parts: Readonly<Record<MomentPart, (local: Date) => number>> = {
  getFullYear: (local) => local.getUTCFullYear(),
  getMonth: (local) => local.getUTCMonth(),
  getDayOfYear: dayOfYear,
  getDayOfMonth: (local) => local.getUTCDate() - 1,
  getDate: (local) => local.getUTCDate(),
  getDayOfWeek: (local) => local.getUTCDay(),
  getHours: (local) => local.getUTCHours(),
  getMinutes: (local) => local.getUTCMinutes(),
  getSeconds: (local) => local.getUTCSeconds(),
  getMilliseconds: (local) => local.getUTCMilliseconds(),
};
const durationParts: ReadonlyMap<string, bigint> = new Map([
  ["getHours", 3_600n * secondNs],
  ["getMinutes", 60n * secondNs],
  ["getSeconds", secondNs],
]);

/** Every method of instants. */
export const momentParts: ReadonlySet<string> = new Set(Object.keys(parts));

/** True for a method of durations, too. */
export function isDurationPart(name: string): boolean {
  return durationParts.has(name) || name === "getMilliseconds";
}

/** A part of an instant, in UTC or a time zone, counted as CEL counts; or the whole units of a duration. */
export function momentPart(value: Value, name: MomentPart, zone: Value = "UTC"): Value {
  if (value instanceof Duration) {
    if (name === "getMilliseconds") return (value.ns % secondNs) / 1_000_000n;
    const unitNs = durationParts.get(name);
    return unitNs === undefined ? undefined : value.ns / unitNs;
  }
  if (!(value instanceof Timestamp) || typeof zone !== "string") return undefined;
  const [seconds, fraction] = split(value.ns);
  const utcMs = Number(seconds) * 1000 + Number(fraction / 1_000_000n);
  const offsetMs = offsetOf(zone, utcMs);
  return offsetMs === undefined ? undefined : BigInt(parts[name](new Date(utcMs + offsetMs)));
}

function dayOfYear(local: Date): number {
  const newYear = new Date(0);
  newYear.setUTCFullYear(local.getUTCFullYear(), 0, 1);
  return Math.floor((local.getTime() - newYear.getTime()) / 86_400_000);
}

const fixedOffset = /^([+-]?)(\d\d):(\d\d)$/;

/** How far a zone is ahead of UTC at an instant; undefined for a zone that is none. */
function offsetOf(zone: string, utcMs: number): number | undefined {
  if (zone === "UTC") return 0;
  const fixed = fixedOffset.exec(zone);
  if (fixed !== null) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3]);
    return minutes * 60_000 * (fixed[1] === "-" ? -1 : 1);
  }
  // A platform also takes offsets that CEL does not.
  if (!/^[A-Za-z]/.test(zone)) return undefined;
  try {
    const formatter = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      era: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    const found = new Map(formatter.formatToParts(utcMs).map(({ type, value }) => [type, value]));
    const field = (type: Intl.DateTimeFormatPartTypes): number => Number(found.get(type));
    const local = new Date(0);
    const year = found.get("era") === "BC" ? 1 - field("year") : field("year");
    local.setUTCFullYear(year, field("month") - 1, field("day"));
    local.setUTCHours(field("hour"), field("minute"), field("second"));
    return local.getTime() - Math.floor(utcMs / 1000) * 1000;
  } catch {
    return undefined;
  }
}
