import { failureText, problemText } from "./text.ts";
import type { FileResult, Result, TimedOutcome } from "./run-files.ts";

/** The result in JUnit's XML, as test runners read it. */
export function junitOf({ files, passed, failed }: Result): string {
  const errors = files.flatMap(({ problems }) => problems.filter(isError)).length;
  const seconds = files.reduce((sum, { tests }) => sum + secondsOf(tests), 0);
  const counts = { tests: passed + failed + errors, failures: failed, errors };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: "myelin rules test", ...counts, time: seconds.toFixed(3) })}>`,
    ...files.flatMap(suiteOf),
    "</testsuites>",
    "",
  ].join("\n");
}

function isError({ severity }: { readonly severity: string }): boolean {
  return severity === "error";
}

function secondsOf(tests: readonly TimedOutcome[]): number {
  return tests.reduce((sum, { seconds }) => sum + seconds, 0);
}

function suiteOf({ file, problems, tests }: FileResult): string[] {
  const errors = problems.filter(isError);
  const failures = tests.filter((test) => test.failures.length > 0).length;
  const counts = { tests: tests.length + errors.length, failures, errors: errors.length };
  const time = secondsOf(tests).toFixed(3);
  return [
    `  <testsuite${attributes({ name: file, ...counts, time })}>`,
    ...errors.flatMap((problem) => [
      `    <testcase${attributes({ name: `${problem.file}:${problem.line}`, classname: file })}>`,
      `      <error${attributes({ message: problem.message })}>${escaped(problemText(problem))}</error>`,
      "    </testcase>",
    ]),
    ...tests.flatMap((test) => caseOf(file, test)),
    "  </testsuite>",
  ];
}

function caseOf(file: string, { name, line, seconds, failures }: TimedOutcome): string[] {
  const given = attributes({ name, classname: file, file, line, time: seconds.toFixed(3) });
  if (failures.length === 0) return [`    <testcase${given}/>`];
  return [
    `    <testcase${given}>`,
    ...failures.map((failure) => {
      const message = `expected ${failure.expected.join("; ") || "none"}`;
      return `      <failure${attributes({ message })}>${escaped(failureText(file, failure))}</failure>`;
    }),
    "    </testcase>",
  ];
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join("");
}

// oxlint-disable-next-line no-control-regex -- what XML cannot hold is what is sought
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

function escaped(text: string): string {
  return text
    .replaceAll(unwritable, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
