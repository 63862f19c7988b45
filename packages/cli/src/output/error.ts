import { cell } from "./json-view.ts";
import { isJsonObject } from "@myelin/core/json";
import { MyelinError } from "@myelin/core/errors";

/** An error as it is told on standard error: what happened, each problem of a rule file, what to do. */
export function errorText(thrown: unknown): string {
  const error = MyelinError.from(thrown);
  const lines = [`error ${error.code}: ${error.message}`];
  const problems = error.details["problems"];
  if (Array.isArray(problems)) {
    for (const problem of problems) {
      if (!isJsonObject(problem)) continue;
      const rule = typeof problem["rule"] === "string" ? ` rule ${cell(problem["rule"])}:` : "";
      lines.push(
        `  line ${cell(problem["line"])}, column ${cell(problem["column"])}:${rule} ${cell(problem["message"])}`,
      );
      if (typeof problem["hint"] === "string") lines.push(`    ${cell(problem["hint"])}`);
    }
  } else if (error.hint !== "") lines.push(`  ${error.hint}`);
  if (error.code === "INTERNAL" && error.cause instanceof Error && error.cause.stack !== undefined)
    lines.push(error.cause.stack);
  return lines.join("\n");
}
