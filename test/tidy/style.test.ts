import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseSource, readRepository, repositoryRoot } from "./repository.ts";
import { findStyleBreaches } from "./style-rules.ts";

test("the sources keep the rules of style", () => {
  const files = readRepository(repositoryRoot);
  assert.ok(files.length > 50, `only ${files.length} files were read`);
  const lines = files
    .flatMap(findStyleBreaches)
    .map(({ path, line, text }) => `${path}:${line} ${text}`);
  assert.equal(lines.join("\n"), "");
});

suite("the rules of style", () => {
  const unfinished = ["TO", "DO"].join("");
  const planted: Readonly<Record<string, readonly [path: string, text: string]>> = {
    "a file that is too long": ["a.ts", "\n".repeat(700)],
    "an unfinished piece of work": ["a.ts", `// ${unfinished}: more\n`],
    "a hidden error": ["a.ts", "// @ts-ignore\nf();"],
    "an expected error outside of tests": ["a.ts", "// @ts-expect-error it is so\nf();"],
    "a linter's rule put off without a reason": ["a.ts", "// oxlint-disable-next-line no-x\nf();"],
    "an any": ["a.ts", "export const x: any[] = [];"],
    "a non-null mark without an invariant": ["a.ts", "f(x!);"],
    "a test that runs alone": ["a.test.ts", "test.only(f);"],
    "a skipped test": ["a.test.ts", `test("x", { skip: "later" }, f);`],
    "a test that sleeps": ["a.test.ts", "await new Promise((resolve) => setTimeout(resolve, 5));"],
    "a test that sleeps in more words": [
      "a.test.ts",
      "await new Promise<void>(function (r) { setTimeout(() => { r(); }, 5); });",
    ],
    "a test that sleeps by a module": ["a.test.ts", `import { x } from "node:timers/promises";`],
  };

  for (const [name, [path, text]] of Object.entries(planted)) {
    test(`find ${name}`, () => {
      assert.equal(findStyleBreaches(parseSource(path, text)).length, 1);
    });
  }

  test("find nothing in what is allowed", () => {
    const allowed = [
      ["a.ts", "// Invariants\n// 1. x is there.\nf(x!);"],
      ["a.ts", "// oxlint-disable-next-line no-x -- it is measured: 3 ns\nf();"],
      ["a.test.ts", `test("x", { skip: !isRoot }, f);`],
      ["a.test.ts", "new Promise((_, reject) => setTimeout(() => reject(error), 5));"],
      ["test/a.ts", "// oxlint-disable-next-line no-explicit-any -- any shape\nlet x: any;"],
      ["a/gen/a.ts", "export const x: any = 1;"],
    ] as const;
    const breaches = allowed.flatMap(([path, text]) => findStyleBreaches(parseSource(path, text)));
    assert.deepEqual(breaches, []);
  });
});
