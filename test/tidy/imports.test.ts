import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { type Breach, findBreaches } from "./import-rules.ts";
import { readPackages, readRepository, repositoryRoot } from "./repository.ts";

function breachesBelow(root: string): Breach[] {
  return findBreaches(readRepository(root), readPackages(root));
}

suite("the imports of the repository", () => {
  const files = readRepository(repositoryRoot);
  const byPath = new Map(files.map((file) => [file.path, file]));

  test("break no rule", () => {
    const breaches = findBreaches(files, readPackages(repositoryRoot));
    const lines = breaches.map(({ path, line, rule, text }) => `${path}:${line} ${rule}: ${text}`);
    assert.equal(lines.join("\n"), "");
  });

  test("were read from every package", () => {
    const knownFiles = [
      "packages/core/src/errors/index.ts",
      "packages/core/src/wire/index.ts",
      "packages/agent/src/index.ts",
      "packages/node/src/index.ts",
      "packages/node/src/ports/clock.ts",
      "packages/cli/src/main.ts",
      "test/tidy/imports.test.ts",
    ];
    for (const path of knownFiles) assert.ok(byPath.has(path), `${path} was not read`);
    for (const { folder } of readPackages(repositoryRoot)) {
      const own = files.filter((file) => file.path.startsWith(`${folder}/src/`));
      const importCount = own.reduce((sum, file) => sum + file.imports.length, 0);
      assert.ok(own.length >= 5, `only ${own.length} files were read in ${folder}`);
      assert.ok(importCount >= 5, `only ${importCount} imports were read in ${folder}`);
    }
  });
});

/** A repository without a breach, as small as it can be. */
const soundFiles: Readonly<Record<string, string>> = {
  "packages/core/package.json": JSON.stringify({
    name: "@myelin/core",
    exports: { "./wire": "./src/wire/index.ts", "./ids": "./src/ids/index.ts" },
    dependencies: { yaml: "1.0.0" },
  }),
  "packages/core/src/wire/index.ts": `export { frame } from "./frame.ts";`,
  "packages/core/src/wire/frame.ts": `import type { Id } from "../ids/index.ts";\nexport const frame: Id = "f";`,
  "packages/core/src/wire/frame.test.ts": `import test from "node:test";\ntest("x", () => {});`,
  "packages/core/src/ids/index.ts": `export type Id = string;`,
  "packages/core/src/ids/parse.ts": `export const parse = 1;`,
  "packages/agent/package.json": JSON.stringify({
    name: "@myelin/agent",
    exports: { ".": "./src/index.ts" },
    imports: { "#dial": { browser: "./src/dial/browser.ts", default: "./src/dial/node.ts" } },
    dependencies: { "@myelin/core": "1.0.0" },
  }),
  "packages/agent/src/index.ts": `import { dial } from "#dial";\nexport const x = dial;`,
  "packages/agent/src/dial/node.ts": `import "node:net";\nexport const dial = 1;`,
  "packages/agent/src/dial/browser.ts": `export const dial = 1;`,
  "packages/node/package.json": JSON.stringify({
    name: "@myelin/node",
    exports: { ".": "./src/index.ts" },
    dependencies: { "@myelin/core": "1.0.0" },
  }),
  "packages/node/src/index.ts": `import { clock } from "./adapters/clock/index.ts";\nexport const x = clock;`,
  "packages/node/src/adapters/clock/index.ts": `export { clock } from "./clock.ts";`,
  "packages/node/src/adapters/clock/clock.ts": `import "node:timers";\nexport const clock = 1;`,
  "packages/node/src/ports/index.ts": `export type { Id } from "@myelin/core/ids";`,
  "packages/node/src/engine/index.ts": `export { engine } from "./engine.ts";`,
  "packages/node/src/engine/engine.ts": `import type { Id } from "../ports/index.ts";\nexport const engine: Id = "";`,
  "packages/node/src/ledger/index.ts": `export const ledger = 1;`,
  "packages/cli/package.json": JSON.stringify({
    name: "myelin",
    dependencies: { "@myelin/agent": "1.0.0", "@myelin/node": "1.0.0" },
  }),
  "packages/cli/src/main.ts": `import "@myelin/agent";\nimport "@myelin/node";\nimport "node:fs";`,
};

const plantedBreaches: readonly {
  readonly name: string;
  readonly path: string;
  readonly text: string;
  readonly rule: Breach["rule"];
}[] = [
  {
    name: "core imports the agent",
    path: "packages/core/src/wire/x.ts",
    text: `import "@myelin/agent";`,
    rule: "direction",
  },
  {
    name: "core imports the agent in a test",
    path: "packages/core/src/wire/x.test.ts",
    text: `import "@myelin/agent";`,
    rule: "direction",
  },
  {
    name: "the agent imports the node, for a type only",
    path: "packages/agent/src/x.ts",
    text: `export type X = import("@myelin/node").X;`,
    rule: "direction",
  },
  {
    name: "the node imports the agent",
    path: "packages/node/src/engine/x.ts",
    text: `export { x } from "@myelin/agent";`,
    rule: "direction",
  },
  {
    name: "the agent imports the command",
    path: "packages/agent/src/x.ts",
    text: `await import("myelin");`,
    rule: "direction",
  },
  {
    name: "a package is imported past its exports",
    path: "packages/node/src/engine/x.ts",
    text: `import type { F } from "@myelin/core/src/wire/frame.ts";`,
    rule: "door",
  },
  {
    name: "a package is imported by a path",
    path: "packages/node/src/engine/x.ts",
    text: `import "../../../core/src/wire/index.ts";`,
    rule: "specifier",
  },
  {
    name: "a folder of core is entered past its door",
    path: "packages/core/src/wire/x.ts",
    text: `export * from "../ids/parse.ts";`,
    rule: "door",
  },
  {
    name: "a folder of core is entered past its door by a worker's address",
    path: "packages/core/src/wire/x.ts",
    text: `export const x = new URL("../ids/parse.ts", import.meta.url);`,
    rule: "door",
  },
  {
    name: "a test enters a folder past its door",
    path: "test/e2e/x.test.ts",
    text: `import "../../packages/core/src/wire/frame.ts";`,
    rule: "door",
  },
  {
    name: "an adapter is entered past its door",
    path: "packages/node/src/main.ts",
    text: `import "./adapters/clock/clock.ts";`,
    rule: "door",
  },
  {
    name: "a station reaches into another station",
    path: "packages/node/src/ledger/x.ts",
    text: `import { engine } from "../engine/engine.ts";`,
    rule: "door",
  },
  {
    name: "a station imports an adapter",
    path: "packages/node/src/engine/x.ts",
    text: `import type { clock } from "../adapters/clock/index.ts";`,
    rule: "direction",
  },
  {
    name: "a port imports a station",
    path: "packages/node/src/ports/x.ts",
    text: `import type { engine } from "../engine/index.ts";`,
    rule: "direction",
  },
  {
    name: "a station imports the composition root",
    path: "packages/node/src/engine/x.ts",
    text: `import { x } from "../index.ts";`,
    rule: "direction",
  },
  {
    name: "the node's plain files import an adapter",
    path: "packages/node/src/arc.ts",
    text: `import { clock } from "./adapters/clock/index.ts";`,
    rule: "direction",
  },
  {
    name: "published code imports what tests share",
    path: "packages/core/src/wire/frame.ts",
    text: `import "./frame.test.ts";`,
    rule: "direction",
  },
  {
    name: "core imports a built-in module",
    path: "packages/core/src/wire/x.ts",
    text: `import type { Socket } from "node:net";`,
    rule: "built-in",
  },
  {
    name: "a station imports a built-in module",
    path: "packages/node/src/engine/x.ts",
    text: `const fs = await import("node:fs");`,
    rule: "built-in",
  },
  {
    name: "the SDK imports a built-in module outside its dial",
    path: "packages/agent/src/x.ts",
    text: `import "node:os";`,
    rule: "built-in",
  },
  {
    name: "a built-in module is written without node:",
    path: "packages/cli/src/x.ts",
    text: `import "fs";`,
    rule: "built-in",
  },
  {
    name: "two files import each other's types",
    path: "packages/core/src/ids/parse.ts",
    text: `import type { Frame } from "../wire/index.ts";\nexport type { Id } from "./index.ts";`,
    rule: "cycle",
  },
  {
    name: "a cycle goes through an internal import",
    path: "packages/agent/src/dial/browser.ts",
    text: `import type { x } from "../index.ts";\nexport const dial = 1;`,
    rule: "cycle",
  },
  {
    name: "a package is not listed",
    path: "packages/agent/src/x.ts",
    text: `import "yaml";`,
    rule: "unlisted",
  },
  {
    name: "a file is not there",
    path: "packages/agent/src/x.ts",
    text: `import "./y.ts";`,
    rule: "missing",
  },
  {
    name: "an import is computed",
    path: "packages/agent/src/x.ts",
    text: `const name = "a";\nawait import(name + ".ts");`,
    rule: "computed",
  },
];

suite("the rules of imports", () => {
  const withRepository = (files: Readonly<Record<string, string>>): Breach[] => {
    const root = mkdtempSync(join(tmpdir(), "myelin-tidy-"));
    try {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), text);
      }
      return breachesBelow(root);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  };

  test("find nothing in a sound repository", () => {
    assert.deepEqual(withRepository(soundFiles), []);
  });

  for (const { name, path, text, rule } of plantedBreaches) {
    test(`find that ${name}`, () => {
      const extra =
        rule === "cycle" && path.includes("/ids/")
          ? { "packages/core/src/ids/index.ts": `export { parse } from "./parse.ts";` }
          : {};
      const found = withRepository({ ...soundFiles, ...extra, [path]: text });
      assert.ok(
        found.some((breach) => breach.rule === rule && (rule === "cycle" || breach.path === path)),
        `found only ${JSON.stringify(found)}`,
      );
    });
  }
});
