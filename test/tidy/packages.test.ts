import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { repositoryRoot } from "./repository.ts";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const readJson = (path: string): unknown =>
  JSON.parse(readFileSync(join(repositoryRoot, path), "utf8"));
const manifestPaths = [
  "package.json",
  ...globSync("packages/*/package.json", { cwd: repositoryRoot }),
];
const manifests = manifestPaths.map((path) => readJson(path) as Manifest);

test("every dependency is pinned to one exact version, the same everywhere", () => {
  const versions = new Map<string, string>();
  for (const manifest of manifests) {
    const listed = {
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.optionalDependencies,
    };
    for (const [name, version] of Object.entries(listed)) {
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${manifest.name} → ${name}`);
      assert.equal(versions.get(name) ?? version, version, `${manifest.name} → ${name}`);
      versions.set(name, version);
    }
  }
  for (const manifest of manifests) {
    assert.equal(versions.get(manifest.name) ?? manifest.version, manifest.version);
  }
});

test("the packages share one version", () => {
  assert.ok(manifests.length >= 5);
  assert.equal(new Set(manifests.map((manifest) => manifest.version)).size, 1);
});

test("core exports the door of each of its folders, and nothing else", () => {
  const core = manifests.find((manifest) => manifest.name === "@myelin/core");
  const doors = globSync("packages/core/src/*/index.ts", { cwd: repositoryRoot })
    .map((path) => dirname(path).split(/[\\/]/).at(-1) ?? "")
    .map((name) => [`./${name}`, `./src/${name}/index.ts`] as const);
  assert.deepEqual(core?.exports, Object.fromEntries(doors));
});

test("the lockfile names no download address", () => {
  const { packages } = readJson("package-lock.json") as {
    readonly packages: Readonly<
      Record<string, { readonly resolved?: string; readonly link?: true }>
    >;
  };
  const entries = Object.entries(packages);
  assert.ok(entries.length > 50);
  for (const [path, entry] of entries) {
    if (entry.link !== true) assert.equal(entry.resolved, undefined, path);
  }
});

test("the lockfile holds the pinned Node for every platform", () => {
  const root = readJson("package.json") as Manifest;
  const { packages } = readJson("package-lock.json") as {
    readonly packages: Readonly<Record<string, { readonly version?: string }>>;
  };
  const pinned = Object.entries(root.optionalDependencies ?? {});
  assert.equal(pinned.length, 5);
  for (const [name, version] of pinned) {
    assert.equal(packages[`node_modules/${name}`]?.version, version, name);
  }
});
