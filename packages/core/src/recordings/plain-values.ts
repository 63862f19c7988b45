import { MyelinError } from "../errors/index.ts";
import { parseAgentId, parseMetricName } from "../ids/index.ts";
import { parseTime } from "../instruction/index.ts";
import { Fault } from "./data-problem.ts";

const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const digits = /^\d+$/;
const special: ReadonlyMap<string, number> = new Map([
  ["NaN", Number.NaN],
  ["Inf", Number.POSITIVE_INFINITY],
  ["+Inf", Number.POSITIVE_INFINITY],
  ["-Inf", Number.NEGATIVE_INFINITY],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["+Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);
/** Microseconds since the epoch are between these from 1973 to 2255; seconds, milliseconds and nanoseconds of our time are not. */
const [firstUs, lastUs] = [1e14, Number.MAX_SAFE_INTEGER];
const wayToWrite =
  "write ISO 8601 in UTC (2026-11-21T09:30:00.250Z) or whole microseconds since 1970";

/** Reads a sample's value. */
export function valueOf(text: string): number | Fault {
  if (number.test(text)) return Number(text);
  return (
    special.get(text) ??
    new Fault(
      `${shown(text)} is no number`,
      "write it like 0.9, 12 or 1e-3; NaN, Inf and -Inf are values, too",
    )
  );
}

/** Reads an instant: ISO 8601, or microseconds since the epoch. */
export function instantOf(text: string): number | Fault {
  if (digits.test(text)) return instantOfNumber(Number(text));
  try {
    return parseTime(text);
  } catch (thrown) {
    return new Fault(MyelinError.from(thrown).message, wayToWrite);
  }
}

/** Takes a number as microseconds since the epoch, where it can be that. */
export function instantOfNumber(timeUs: number): number | Fault {
  if (timeUs >= firstUs && timeUs <= lastUs)
    return Number.isInteger(timeUs)
      ? timeUs
      : new Fault(`${timeUs} is no whole number of microseconds`, wayToWrite);
  const unit = timeUs >= 1e11 ? (timeUs < firstUs ? "milliseconds" : "nanoseconds") : "seconds";
  const guess = timeUs >= 1e8 ? `it looks like ${unit}: ` : "";
  return new Fault(`${timeUs} is no instant in microseconds`, `${guess}${wayToWrite}`);
}

/** A text as messages show it. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** Checks names, each once: the same name is the same string from then on, and holds no piece of the text it came from. */
export class Names {
  readonly #parse: (text: string) => string;
  readonly #known: Map<string, string | Fault> = new Map();

  private constructor(parse: (text: string) => string) {
    this.#parse = parse;
  }

  static agents(): Names {
    return new Names(parseAgentId);
  }

  static metrics(): Names {
    return new Names(parseMetricName);
  }

  of(text: string): string | Fault {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const read = this.#read(text);
    if (typeof read === "string") this.#known.set(read, read);
    return read;
  }

  #read(text: string): string | Fault {
    try {
      // Joined and cut, it is a string of its own: a slice would keep the whole piece of text alive.
      return this.#parse(` ${text}`.slice(1));
    } catch (thrown) {
      const { message, hint } = MyelinError.from(thrown);
      return new Fault(message, hint);
    }
  }
}
