import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { repositoryRoot } from "./repository.ts";

const declaration =
  /^export (?:declare |abstract |async )*(class|function\*?|interface|type|const|let) (\w+)/;
const method = /^ {2}(?:(?:readonly|static|async|get|set) )*(\w+)\??[(<]/;

/** What a door takes from other files: the file, and the names there. */
function takenBy(door: string, text: string): (readonly [path: string, names: string[]])[] {
  return [...text.matchAll(/export (?:type )?\{([^}]*)\} from "(\.[^"]+)"/g)].map(
    ([, list = "", from = ""]) => [
      join(dirname(door), from),
      list
        .split(",")
        .map(
          (name) =>
            name
              .trim()
              .replace(/^type /, "")
              .split(" as ")[0] ?? "",
        )
        .filter((name) => name !== ""),
    ],
  );
}

/** The exports of these names, and the methods in them, that have no doc comment right above. */
function undocumented(path: string, text: string, names: readonly string[]): string[] {
  const lines = text.split("\n");
  const found: string[] = [];
  let hasMembers = false;
  lines.forEach((line, at) => {
    const [, kind = "", exported] = declaration.exec(line) ?? [];
    if (exported !== undefined)
      hasMembers = names.includes(exported) && /class|interface/.test(kind);
    else if (/^[}\w/]/.test(line)) hasMembers = false;
    const member = hasMembers ? method.exec(line)?.[1] : undefined;
    const shown = exported !== undefined && names.includes(exported) ? exported : member;
    if (shown === undefined || shown === "constructor") return;
    if (lines[at - 1]?.trimEnd().endsWith("*/") !== true) found.push(`${path}:${at + 1} ${shown}`);
  });
  return found;
}

test("what the doors of the packages show says what it is", () => {
  const doors = [
    "packages/agent/src/index.ts",
    "packages/node/src/index.ts",
    ...globSync("packages/core/src/*/index.ts", { cwd: repositoryRoot }),
  ];
  const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");
  const taken = doors.flatMap((door) => takenBy(door, read(door)));
  // A door may take from the door of a folder within.
  for (const [path, names] of taken) {
    if (!path.endsWith("/index.ts")) continue;
    for (const [inner, all] of takenBy(path, read(path)))
      taken.push([inner, all.filter((name) => names.includes(name))]);
  }
  assert.ok(taken.flatMap(([, names]) => names).length > 150);
  const found = taken.flatMap(([path, names]) => undocumented(path, read(path), names));
  assert.deepEqual([...new Set(found)], []);
});

suite("the look at a door", () => {
  const doc = "/** It is. */";
  const cases: Readonly<Record<string, readonly [lines: string[], found: number]>> = {
    "finds an export without a comment": [["export const A = 1;"], 1],
    "finds a method without a comment": [[doc, "export class A {", "  run(): void {}", "}"], 1],
    "finds a getter without a comment": [[doc, "export class A {", "  get b(): number {", "}"], 1],
    "leaves out what has its comments": [
      [doc, "export interface A {", `  ${doc}`, "  run?(): void;", "}"],
      0,
    ],
    "leaves out what is not shown": [["export class B {", "  run(): void {}", "}"], 0],
    "leaves out what comes behind": [
      [doc, "export class A {}", "class B {", "  run(): void {}"],
      0,
    ],
  };
  for (const [name, [lines, count]] of Object.entries(cases)) {
    test(name, () => {
      assert.equal(undocumented("a.ts", lines.join("\n"), ["A"]).length, count);
    });
  }

  test("follows a door to where the names are", () => {
    const text = 'export {\n  type A,\n  b as c,\n} from "./x/y.ts";\nexport * from "other";\n';
    assert.deepEqual(takenBy("packages/p/src/index.ts", text), [
      ["packages/p/src/x/y.ts", ["A", "b"]],
    ]);
  });
});
