#!/usr/bin/env node
// Builds the packages the way they are published: `node tools/pack.mjs [--out FOLDER]`.
//
// FOLDER (.build/packages unless told) then has a folder for each package, with dist/ and the
// package.json that is published, and tarballs/ with what npm would upload. FOLDER lies inside the
// repository, so that the packages' dependencies resolve.
//
// Invariants
// 1. A package is compiled against the built packages it depends on, as its users are.
// 2. Nothing that is published names a .ts file: what the compiler leaves is rewritten, or fails.
// 3. The folder is written elsewhere and moved into place when all is done.
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { bundleCommand } from "./bundle.mjs";
import { root } from "./suites.mjs";

const { values } = parseArgs({ options: { out: { type: "string" } } });
const out = join(root, values.out ?? ".build/packages");
const staging = `${out}.${process.pid}`;

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));
const writeJson = (path, value) => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);

function fail(text) {
  rmSync(staging, { recursive: true, force: true });
  process.stderr.write(`${text.trimEnd()}\n`);
  process.exit(1);
}

/** The workspace's packages, each after those it depends on. */
function orderedPackages() {
  const waiting = globSync("packages/*/package.json", { cwd: root })
    .map((path) => ({ folder: dirname(path), manifest: readJson(join(root, path)) }))
    .sort((a, b) => a.folder.localeCompare(b.folder));
  const names = new Set(waiting.map(({ manifest }) => manifest.name));
  const done = new Set();
  const ordered = [];
  while (waiting.length > 0) {
    const next = waiting.findIndex(({ manifest }) =>
      Object.keys(manifest.dependencies ?? {}).every((name) => !names.has(name) || done.has(name)),
    );
    if (next < 0) fail("the packages depend on each other in a circle");
    const [entry] = waiting.splice(next, 1);
    done.add(entry.manifest.name);
    ordered.push(entry);
  }
  return ordered;
}

const toScript = (path) => path.replace(/^\.\/src\//, "./dist/").replace(/\.ts$/, ".js");
const toTypes = (path) => path.replace(/^\.\/src\//, "./dist/").replace(/\.ts$/, ".d.ts");

function mapValues(record, change) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}

/** The package.json that is published, from the one in the repository. */
function publishedManifest(manifest) {
  const { private: _private, exports, imports, bin, files = [], ...rest } = manifest;
  return {
    ...rest,
    files: ["dist", ...files],
    ...(exports && {
      exports: {
        ...mapValues(exports, (path) => ({ types: toTypes(path), default: toScript(path) })),
        "./package.json": "./package.json",
      },
    }),
    ...(imports && {
      imports: mapValues(imports, (target) =>
        typeof target === "string" ? toScript(target) : mapValues(target, toScript),
      ),
    }),
    ...(bin && { bin: mapValues(bin, (path) => toScript(path).replace(/^\.\//, "")) }),
  };
}

/** The manifest of a package that is one piece: of what it depended on, only what is native is left. */
function bundledManifest({ dependencies: _bundled, ...manifest }) {
  const node = packages.find(({ folder }) => basename(folder) === "node").manifest;
  return {
    ...manifest,
    files: [...manifest.files, "THIRD-PARTY.txt"],
    optionalDependencies: node.optionalDependencies,
  };
}

/** Copies what is published but compiled (sources without tests, assets), and the notices. */
function copySources(source, target, manifest) {
  const isTest = (path) => path.endsWith(".test.ts") || basename(path) === "test-support.ts";
  cpSync(join(source, "src"), join(target, "src"), {
    recursive: true,
    filter: (path) => !isTest(path),
  });
  for (const extra of manifest.files ?? []) {
    cpSync(join(source, extra), join(target, extra), { recursive: true });
  }
  cpSync(join(root, "LICENSE"), join(target, "LICENSE"));
  const readme = [join(source, "README.md"), join(root, "README.md")].find(existsSync);
  if (readme) cpSync(readme, join(target, "README.md"));
}

function compile(target) {
  writeJson(join(target, "tsconfig.json"), {
    extends: relative(target, join(root, "tsconfig.base.json")),
    compilerOptions: {
      noEmit: false,
      rootDir: "src",
      outDir: "dist",
      rewriteRelativeImportExtensions: true,
      removeComments: false,
    },
    include: ["src/**/*.ts"],
  });
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const run = spawnSync(process.execPath, [compiler, "-p", target, "--pretty", "false"], {
    cwd: root,
    encoding: "utf8",
  });
  if (run.status !== 0) fail(run.error?.message ?? `${run.stdout}${run.stderr}`);
}

/** Copies assets next to the compiled files. */
function copyAssets(target) {
  for (const path of globSync("**/*.*", { cwd: join(target, "src") })) {
    if (/\.[mc]?ts$/.test(path)) continue;
    cpSync(join(target, "src", path), join(target, "dist", path));
  }
}

/** Rewrites addresses of modules (`new URL("./worker.ts", import.meta.url)`), which tsc leaves. */
function rewriteAddresses(target) {
  const address = /(new URL\(\s*["'`]\.{1,2}\/[^"'`]+)\.ts(["'`],\s*import\.meta\.url)/g;
  for (const path of globSync("dist/**/*.js", { cwd: target })) {
    const text = readFileSync(join(target, path), "utf8");
    const rewritten = text.replaceAll(address, "$1.js$2");
    if (rewritten !== text) writeFileSync(join(target, path), rewritten);
    const code = rewritten.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
    const left = /["'`][^"'`\n]*\.{0,2}\/[\w./-]+\.ts["'`]/.exec(code);
    if (left) fail(`${join(basename(target), path)} names a source file: ${left[0]}`);
  }
}

function buildPackage({ folder, manifest }) {
  const target = join(staging, basename(folder));
  mkdirSync(target, { recursive: true });
  copySources(join(root, folder), target, manifest);
  writeJson(join(target, "package.json"), publishedManifest(manifest));
  const link = join(staging, "node_modules", manifest.name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(relative(dirname(link), target), link, "junction");
  compile(target);
  copyAssets(target);
  rewriteAddresses(target);
  for (const path of Object.values(manifest.bin ?? {}))
    chmodSync(join(target, toScript(path)), 0o755);
  rmSync(join(target, "src"), { recursive: true });
  rmSync(join(target, "tsconfig.json"));
}

function packTarball(folder) {
  const tarballs = join(staging, "tarballs");
  mkdirSync(tarballs, { recursive: true });
  const options = ["pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", tarballs];
  execFileSync("npm", options, {
    cwd: join(staging, basename(folder)),
    shell: process.platform === "win32",
    stdio: ["ignore", "ignore", "inherit"],
  });
}

rmSync(staging, { recursive: true, force: true });
const packages = orderedPackages();
for (const entry of packages) buildPackage(entry);
for (const { folder, manifest } of packages) {
  if (manifest.bin === undefined) continue;
  const target = join(staging, basename(folder));
  await bundleCommand({ root, packages: staging, folder: target });
  writeJson(join(target, "package.json"), bundledManifest(readJson(join(target, "package.json"))));
}
for (const entry of packages) packTarball(entry.folder);
const old = `${staging}.old`;
if (existsSync(out)) renameSync(out, old);
renameSync(staging, out);
rmSync(old, { recursive: true, force: true });
process.stdout.write(`${packages.length} packages are in ${relative(root, out)}\n`);
