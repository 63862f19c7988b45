import { csvReader, type DataProblem, jsonLinesReader, type Recorded } from "./index.ts";

/** What a text tells, and what is wrong with it. */
export interface Reading {
  readonly told: readonly Recorded[];
  readonly problems: readonly DataProblem[];
  readonly problemCount: number;
}

/** Reads a text that comes in pieces of so many bytes. */
export function read(
  format: "csv" | "jsonl",
  text: string | Uint8Array,
  pieceBytes = 1e6,
): Reading {
  const reader = format === "csv" ? csvReader() : jsonLinesReader();
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const told: Recorded[] = [];
  for (let from = 0; from < bytes.length; from += pieceBytes)
    told.push(...reader.read(bytes.subarray(from, from + pieceBytes)));
  told.push(...reader.end());
  return { told, problems: reader.problems, problemCount: reader.problemCount };
}

/** The problems as `line:column message: hint`. */
export function problemsOf(format: "csv" | "jsonl", text: string): string[] {
  return read(format, text).problems.map(
    ({ line, column, message, hint }) => `${line}:${column} ${message}: ${hint}`,
  );
}
