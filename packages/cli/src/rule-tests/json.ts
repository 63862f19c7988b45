import { formatDuration } from "@myelin/core/clock";
import type { Result } from "./run-files.ts";

/** The result as a document. */
export function jsonResult({ files, passed, failed, isWrong }: Result): object {
  return {
    ok: !isWrong && failed === 0,
    passed,
    failed,
    files: files.map(({ file, problems, tests }) => ({
      file,
      problems: problems.map(({ content: _content, ...problem }) => problem),
      tests: tests.map(({ name, line, seconds, failures }) => ({
        name,
        line,
        ok: failures.length === 0,
        seconds,
        failures: failures.map(({ atUs, excerpt, ...failure }) => ({
          ...failure,
          at: formatDuration(atUs),
          ...(excerpt === undefined
            ? {}
            : {
                excerpt: {
                  ...excerpt,
                  rows: excerpt.rows.map(({ atUs: rowUs, values, results, ...row }) => ({
                    at: formatDuration(rowUs),
                    ...row,
                    values: values.map((value) => value ?? null),
                    results: results.map((result) => result ?? null),
                  })),
                },
              }),
        })),
      })),
    })),
  };
}
