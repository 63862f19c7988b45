import { MyelinError } from "../errors/index.ts";

const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
/** The second read last, as text and in milliseconds: times are mostly read in their order. */
let lastText = "";
let lastMs = 0;

/**
 * Reads ISO 8601 in UTC (ending in `Z`) as microseconds since the Unix epoch.
 * @throws MyelinError INVALID_ARGUMENT
 */
export function parseTime(text: string): number {
  const wholeSecondMs = form.test(text) ? secondMs(text.slice(0, 19)) : Number.NaN;
  if (Number.isNaN(wholeSecondMs)) {
    throw new MyelinError(
      "INVALID_ARGUMENT",
      `${JSON.stringify(String(text).slice(0, 80))} is not a time`,
      {
        hint: "Write ISO 8601 in UTC, such as 2026-11-21T09:30:00.250Z.",
      },
    );
  }
  return wholeSecondMs * 1e3 + Number(text.slice(20, -1).slice(0, 6).padEnd(6, "0"));
}

function secondMs(text: string): number {
  if (text !== lastText) {
    lastMs = Date.parse(`${text}Z`);
    lastText = text;
  }
  return lastMs;
}
