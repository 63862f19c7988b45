// What may import what, as one pure function from the files to the breaches.
//
// Rules
// 1. Packages point one way: cli → agent, node → core. Tests may join node and agent.
// 2. Another package is imported by a specifier it exports, and listed in package.json.
// 3. A folder with an index.ts is entered by that index.ts only. A folder of a package's src always
//    has one. (adapters/ has one in each of its folders; ports/ and commands/ are open: each of
//    their files is one port, one command, and its own door. What a package's imports name for a
//    platform is a door too.)
// 4. core and the node's stations and ports import no node: module; of the agent only its Node dial
//    and *.node.ts files do. Built-in modules are written with node:.
// 5. In the node, ports import core and ports only; stations do not import adapters; only the files
//    main.ts, lane-crew.ts, lane-thread.ts, rehearsal.ts and index.ts put both together.
// 6. No file imports itself through others, not even for types.
// 7. No import is computed. What is published imports no test, nor what tests share.
import { isBuiltin } from "node:module";
import { dirname, posix } from "node:path";
import { isTest, type SourceFile, type WorkspacePackage } from "./repository.ts";

/** One import that breaks a rule. */
export interface Breach {
  readonly rule:
    | "built-in"
    | "computed"
    | "cycle"
    | "direction"
    | "door"
    | "missing"
    | "specifier"
    | "unlisted";
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

interface Surroundings {
  readonly packages: readonly WorkspacePackage[];
  readonly paths: ReadonlySet<string>;
  /** Files that a package's imports name, each for a platform. */
  readonly platformDoors: ReadonlySet<string>;
}

const allowedPackages: Readonly<Record<string, readonly string[]>> = {
  "packages/core": [],
  "packages/agent": ["packages/core"],
  "packages/node": ["packages/core"],
  "packages/cli": ["packages/core", "packages/agent", "packages/node"],
};

/** Folders of which each file is a thing of its own, and entered by itself. */
const openFolders: ReadonlySet<string> = new Set([
  "packages/node/src/ports",
  "packages/cli/src/commands",
]);

/** Folders that only group domains, each with a door of its own. */
const groups: ReadonlySet<string> = new Set(["packages/node/src/adapters"]);

/** Every breach in `files`, in their order, cycles last. */
export function findBreaches(
  files: readonly SourceFile[],
  packages: readonly WorkspacePackage[],
): Breach[] {
  const surroundings: Surroundings = {
    packages,
    paths: new Set(files.map((file) => file.path)),
    platformDoors: new Set(packages.flatMap((entry) => [...entry.internalImports.values()].flat())),
  };
  const breaches: Breach[] = [];
  const edges = new Map<string, string[]>();
  for (const file of files) {
    const targets: string[] = [];
    for (const { specifier, kind, line } of file.imports) {
      const add = (rule: Breach["rule"], text: string): void => {
        breaches.push({ rule, path: file.path, line, text });
      };
      if (specifier === undefined) {
        if (file.path.startsWith("packages/")) add("computed", "an import must name its module");
        continue;
      }
      // Code that may run from source or built names a worker either way.
      const source = kind === "address" ? specifier.replace(/\.js$/, ".ts") : specifier;
      const reached = checkImport(file.path, source, surroundings, add);
      if (kind === "import") targets.push(...reached);
    }
    edges.set(file.path, targets);
  }
  return [...breaches, ...findCycles(edges)];
}

type Add = (rule: Breach["rule"], text: string) => void;

/** Checks one import and returns the files of the repository that it reaches. */
function checkImport(from: string, specifier: string, around: Surroundings, add: Add): string[] {
  if (isBuiltin(specifier)) {
    checkBuiltin(from, specifier, add);
    return [];
  }
  const own = around.packages.find(({ folder }) => from.startsWith(`${folder}/`));
  if (specifier.startsWith("#")) {
    const targets = own?.internalImports.get(specifier) ?? [];
    if (targets.length === 0) add("missing", `${specifier} is not in the package's imports`);
    return [...targets];
  }
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(from), specifier);
    if (isSource(target)) checkRelative(from, target, around, add);
    return [target];
  }
  return checkBare(from, specifier, own, around, add);
}

function isSource(path: string): boolean {
  return /\.[mc]?[jt]sx?$/.test(path);
}

function checkBuiltin(from: string, specifier: string, add: Add): void {
  if (!specifier.startsWith("node:")) add("built-in", `write node:${specifier}`);
  if (isTest(from)) return;
  if (from.startsWith("packages/core/src/")) {
    add("built-in", `core runs in browsers and does no I/O, so it cannot import ${specifier}`);
  } else if (stationOf(from) !== undefined) {
    add("built-in", `a station or port cannot import ${specifier}: that is an adapter's part`);
  } else if (
    from.startsWith("packages/agent/src/") &&
    !/^packages\/agent\/src\/dial\/node[^/]*\.ts$/.test(from) &&
    !from.endsWith(".node.ts")
  ) {
    add(
      "built-in",
      `the SDK runs in browsers: import ${specifier} in dial/node or a .node.ts file`,
    );
  }
}

function checkRelative(from: string, target: string, around: Surroundings, add: Add): void {
  if (!around.paths.has(target)) {
    add("missing", `${target} does not exist`);
    return;
  }
  const ownPackage = packageFolder(from);
  const otherPackage = packageFolder(target);
  if (ownPackage !== undefined && otherPackage !== ownPackage) {
    add("specifier", `reach ${target} by the name its package exports`);
    return;
  }
  if (isTest(target) && !isTest(from) && from.startsWith("packages/")) {
    add("direction", `${target} is there for tests only`);
  }
  const isPlatformDoor = around.platformDoors.has(target);
  const door = isPlatformDoor ? undefined : closedDoor(from, target, around.paths);
  if (door !== undefined) add("door", `${target} is behind ${door}`);
  checkNodeLayers(from, target, add);
}

/** The index.ts that an import from `from` to `target` goes past, if it does. */
function closedDoor(from: string, target: string, paths: ReadonlySet<string>): string | undefined {
  const entered: string[] = [];
  for (
    let folder = dirname(target);
    folder !== "." && !`${from}/`.startsWith(`${folder}/`);
    folder = dirname(folder)
  ) {
    entered.unshift(folder);
  }
  for (const folder of entered) {
    const door = `${folder}/index.ts`;
    if (target === door || openFolders.has(folder)) return undefined;
    if (paths.has(door) && !/^packages\/[^/]+(\/src)?$/.test(folder)) return door;
    if (isDomain(folder)) return `${door} (which must be written)`;
  }
  return undefined;
}

function isDomain(folder: string): boolean {
  if (groups.has(folder)) return false;
  return /^packages\/[^/]+\/src\/[^/]+$/.test(folder) || groups.has(dirname(folder));
}

/** Files of the node that may join stations and adapters. */
const compositions: ReadonlySet<string> = new Set(
  ["index", "lane-crew", "lane-thread", "main", "rehearsal"].map(
    (name) => `packages/node/src/${name}.ts`,
  ),
);

function isComposition(path: string): boolean {
  return compositions.has(path);
}

/** The pure part of the node a file belongs to, by name; undefined for adapters and composition. */
function stationOf(path: string): string | undefined {
  const part = /^packages\/node\/src\/([^/]+)/.exec(path)?.[1];
  return part === "adapters" || isComposition(path) ? undefined : part;
}

function checkNodeLayers(from: string, target: string, add: Add): void {
  const station = stationOf(from);
  if (isTest(from) || station === undefined) return;
  if (target.startsWith("packages/node/src/adapters/")) {
    add("direction", `${station} reaches ${target}: it must go through a port`);
  } else if (station === "ports" && stationOf(target) !== "ports") {
    add("direction", `a port imports core and ports only, not ${target}`);
  } else if (isComposition(target)) {
    add("direction", `${station} cannot import ${target}, which puts all together`);
  }
}

function checkBare(
  from: string,
  specifier: string,
  own: WorkspacePackage | undefined,
  around: Surroundings,
  add: Add,
): string[] {
  const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
  const other = around.packages.find((candidate) => candidate.name === name);
  if (own !== undefined && !isTest(from) && other !== own && !own.dependencies.has(name)) {
    add("unlisted", `${name} is not among the dependencies in ${own.folder}/package.json`);
  }
  if (other === undefined) return [];
  if (own !== undefined && other === own) add("specifier", "a package reaches itself by paths");
  else if (own !== undefined) checkDirection(from, own, other, add);
  const target = other.exports.get(specifier);
  if (target !== undefined) return [target];
  add("door", `${specifier} is not exported by ${other.folder}/package.json`);
  return [];
}

function checkDirection(
  from: string,
  own: WorkspacePackage,
  other: WorkspacePackage,
  add: Add,
): void {
  const allowed = allowedPackages[own.folder];
  if (allowed === undefined) {
    add("direction", `${own.folder} has no place in the order of packages: give it one here`);
  } else if (!allowed.includes(other.folder) && !(isTest(from) && own.name !== "@myelin/core")) {
    add("direction", `${own.name} must not import ${other.name}`);
  }
}

function packageFolder(path: string): string | undefined {
  return /^packages\/[^/]+/.exec(path)?.[0];
}

/** One breach for each group of files that import each other in a circle (Tarjan's components). */
function findCycles(edges: ReadonlyMap<string, readonly string[]>): Breach[] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const breaches: Breach[] = [];

  const visit = (path: string): number => {
    const index = order.size;
    let lowest = index;
    order.set(path, index);
    open.push(path);
    isOpen.add(path);
    for (const target of edges.get(path) ?? []) {
      if (!order.has(target)) lowest = Math.min(lowest, visit(target));
      else if (isOpen.has(target))
        lowest = Math.min(lowest, low.get(target) ?? order.get(target) ?? 0);
    }
    low.set(path, lowest);
    if (lowest === index) {
      const members = open.splice(open.indexOf(path));
      for (const member of members) isOpen.delete(member);
      if (members.length > 1 || edges.get(path)?.includes(path)) {
        const text = `imports itself through ${[...members, path].join(" → ")}`;
        breaches.push({ rule: "cycle", path, line: 1, text });
      }
    }
    return lowest;
  };
  for (const path of edges.keys()) if (!order.has(path)) visit(path);
  return breaches;
}
