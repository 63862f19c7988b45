import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { repositoryRoot } from "./repository.ts";

interface Field {
  readonly place: string;
  readonly name: string;
  /** Its comment, in one line. */
  readonly comment: string;
}

/** The end of a field's name, and what its comment must say. */
const units: readonly (readonly [ending: RegExp, unit: RegExp])[] = [
  [/_us$|time_steps$/, /\bmicroseconds\b/i],
  [/_ms$/, /\bmilliseconds\b/i],
  [/(_s|_seconds)$/, /\bseconds\b/i],
  [/_bytes$/, /\bbytes\b/i],
  [/(^|_)(values|scale|reference)$/, /\bunits?\b/i],
];
/** Names that would hide a time or a size without its unit. */
const unitless =
  /_(time|at|timeout|deadline|interval|window|duration|delay|age|size|length|limit)$|^(time|timeout|deadline|size)$/;

/** The fields of a file of the schema. */
function fieldsOf(path: string, text: string): Field[] {
  const fields: Field[] = [];
  let comment = "";
  text.split("\n").forEach((line, index) => {
    const said = /^\s*\/\/\s?(.*)$/.exec(line);
    const field = /^\s+(?:optional |repeated )?[\w.]+(?:<[^>]*>)? (\w+) = \d+/.exec(line);
    if (field !== null)
      fields.push({ place: `${path}:${index + 1}`, name: field[1] ?? "", comment });
    comment = said === null ? "" : `${comment} ${said[1] ?? ""}`.trim();
  });
  return fields;
}

/** What is wrong with the name and the comment of a field. */
function breachesOf({ place, name, comment }: Field): string[] {
  const breaches = units.flatMap(([ending, unit]) =>
    ending.test(name) && !unit.test(comment)
      ? [`${place} the comment of ${name} does not say ${unit.source}`]
      : [],
  );
  if (unitless.test(name)) breaches.push(`${place} ${name} does not end in its unit`);
  return breaches;
}

test("every time, size and value of the schema says its unit, in its name and its comment", () => {
  const paths = globSync("proto/**/*.proto", { cwd: repositoryRoot });
  const fields = paths.flatMap((path) =>
    fieldsOf(path, readFileSync(join(repositoryRoot, path), "utf8")),
  );
  assert.ok(fields.length > 100, `only ${fields.length} fields were read`);
  assert.ok(fields.filter(({ name }) => name.endsWith("_us")).length >= 20);
  assert.deepEqual(fields.flatMap(breachesOf), []);
});

suite("a field of the schema", () => {
  const cases: Readonly<Record<string, readonly [text: string, breaches: number]>> = {
    "that says its unit is fine": [
      "  // When, microseconds since the epoch.\n  double at_us = 1;",
      0,
    ],
    "that does not say its unit is found": ["  // When it was.\n  double sent_at_us = 1;", 1],
    "without a comment is found": ["  // Microseconds.\n\n  double sent_at_us = 1;", 1],
    "in seconds must not say something smaller": ["  // Microseconds.\n  double age_s = 1;", 1],
    "whose name has no unit is found": ["  // Microseconds.\n  optional double deadline = 1;", 1],
    "of values must say what they are in": ["  // Value.\n  repeated double values = 1;", 1],
  };
  for (const [name, [text, breaches]] of Object.entries(cases)) {
    test(name, () => {
      assert.equal(fieldsOf("a.proto", text).flatMap(breachesOf).length, breaches);
    });
  }
});
