// Writes the reference pages that are generated from code: `node tools/generate-docs.ts`.
// A tidy test compares them with what is in the repository.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ErrorCodeInfo, errorCatalogue } from "@myelin/core/errors";

/** The text of docs/errors.md: every code of the catalogue, and what to do about it. */
export function errorsPage(): string {
  const entries: [string, ErrorCodeInfo][] = Object.entries(errorCatalogue);
  const rows = entries.map(
    ([code, info]) =>
      `| \`${code}\` | ${info.meaning} | ${info.remedy} | ${info.isRetryable ? "yes" : "no"} | ${info.httpStatus} |`,
  );
  return [
    "# Error codes",
    "",
    "<!-- Generated from packages/core/src/errors by npm run generate: change it there. -->",
    "",
    "Everything that goes wrong in Myelin says so with one of these codes: errors thrown by the SDK,",
    "bodies of the HTTP API, goodbyes of a session, outcomes of an instruction, messages of the",
    "command line. The shape is always `{ code, message, hint, details }`. Decide by the code; the",
    "message is for people and may change.",
    "",
    "*Retry* says whether the same call may succeed later without a change by the caller. *HTTP* is",
    "the status of an answer that carries the code.",
    "",
    "| code | what happened | what to do | retry | HTTP |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** Generated pages by their path from the repository's root. */
export function generatedPages(): ReadonlyMap<string, string> {
  return new Map([["docs/errors.md", errorsPage()]]);
}

if (import.meta.main) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  for (const [path, text] of generatedPages()) writeFileSync(join(root, path), text);
}
