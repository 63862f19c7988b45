// The repository as the tidy tests see it: its source files, and what each of them imports.
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Node, type Program, parseSync, Visitor } from "oxc-parser";

/** The repository's folder. */
export const repositoryRoot: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** How one file names another. */
export interface Import {
  /** What stands between the quotes; undefined where it is computed. */
  readonly specifier: string | undefined;
  /** `address` is `new URL("./x.ts", import.meta.url)`, as a worker's entry is named. */
  readonly kind: "import" | "address";
  readonly line: number;
}

/** One source file, read. */
export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  readonly comments: readonly { readonly text: string; readonly line: number }[];
  readonly program: Program;
  /** The line, from 1, of an offset of the syntax tree. */
  readonly lineOf: (offset: number) => number;
}

const folders = ["packages", "test", "bench", "tools", "examples"];
const excluded = ["**/node_modules/**", "**/dist/**", "**/.build/**"];

/** True for what runs under the test runner only: tests, and what several tests of a folder share. */
export function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.endsWith("/test-support.ts");
}

/** True for code that a tool wrote. */
export function isGenerated(path: string): boolean {
  return path.includes("/gen/");
}

/** Paths of all TypeScript and JavaScript sources below `root`, sorted. */
export function listSources(root: string): string[] {
  return globSync(
    folders.map((folder) => `${folder}/**/*.{ts,tsx,mts,cts,js,mjs,cjs}`),
    { cwd: root, exclude: excluded },
  )
    .map((path) => path.replaceAll("\\", "/"))
    .sort();
}

/** Reads and parses one file; throws when it does not parse. */
function readSource(root: string, path: string): SourceFile {
  return parseSource(path, readFileSync(join(root, path), "utf8"));
}

/** Parses the text of a file; throws when it does not parse. */
export function parseSource(path: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(path, text);
  const first = errors[0];
  if (first !== undefined) throw new Error(`${path} does not parse: ${first.message}`);
  const lineOf = (offset: number): number => text.slice(0, offset).split("\n").length;
  return {
    path,
    text,
    program,
    comments: comments.map(({ value, start }) => ({ text: value, line: lineOf(start) })),
    imports: findImports(program, lineOf),
    lineOf,
  };
}

function findImports(program: Program, lineOf: (offset: number) => number): Import[] {
  const imports: Import[] = [];
  let hasRequire = false;
  const add = (specifier: string | undefined, start: number, kind: Import["kind"]): void => {
    imports.push({ specifier, kind, line: lineOf(start) });
  };
  new Visitor({
    ImportDeclaration: (node) => {
      add(node.source.value, node.start, "import");
      hasRequire ||= node.specifiers.some(({ local }) => local.name === "createRequire");
    },
    ExportAllDeclaration: (node) => add(node.source.value, node.start, "import"),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) add(node.source.value, node.start, "import");
    },
    ImportExpression: (node) => add(literal(node.source), node.start, "import"),
    TSImportType: (node) => add(literal(node.source), node.start, "import"),
    TSExternalModuleReference: (node) => add(literal(node.expression), node.start, "import"),
    CallExpression: (node) => {
      if (!hasRequire || node.callee.type !== "Identifier") return;
      if (node.callee.name !== "require") return;
      const name = node.arguments[0];
      add(name === undefined ? undefined : literal(name), node.start, "import");
    },
    NewExpression: (node) => {
      if (node.callee.type !== "Identifier" || node.callee.name !== "URL") return;
      const [name, base] = node.arguments;
      if (name === undefined || base === undefined || !isModuleAddress(base)) return;
      const specifier = literal(name);
      if (specifier !== undefined) add(specifier, node.start, "address");
    },
  }).visit(program);
  return imports;
}

/** All sources below `root`, read. */
export function readRepository(root: string): SourceFile[] {
  return listSources(root).map((path) => readSource(root, path));
}

/** A package of the workspace, as far as its imports are concerned. */
export interface WorkspacePackage {
  readonly name: string;
  /** From the repository's root: `packages/core`. */
  readonly folder: string;
  /** Exported specifier to file, from the repository's root. */
  readonly exports: ReadonlyMap<string, string>;
  /** `#name` to the files it may stand for, from the repository's root. */
  readonly internalImports: ReadonlyMap<string, readonly string[]>;
  /** Names of the packages it may import. */
  readonly dependencies: ReadonlySet<string>;
}

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly imports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** The workspace's packages, from their package.json. */
export function readPackages(root: string): WorkspacePackage[] {
  return globSync("packages/*/package.json", { cwd: root })
    .sort()
    .map((path) => readPackage(root, dirname(path).replaceAll("\\", "/")));
}

function readPackage(root: string, folder: string): WorkspacePackage {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  const toPath = (target: string): string => `${folder}/${target.replace(/^\.\//, "")}`;
  const entries = Object.entries(manifest.exports ?? {}).map(
    ([door, target]) => [manifest.name + door.slice(1), toPath(target)] as const,
  );
  const internal = Object.entries(manifest.imports ?? {}).map(
    ([name, target]) =>
      [name, (typeof target === "string" ? [target] : Object.values(target)).map(toPath)] as const,
  );
  return {
    name: manifest.name,
    folder,
    exports: new Map(entries),
    internalImports: new Map(internal),
    dependencies: new Set([
      ...Object.keys(manifest.dependencies ?? {}),
      ...Object.keys(manifest.optionalDependencies ?? {}),
      ...Object.keys(manifest.peerDependencies ?? {}),
    ]),
  };
}

function literal(node: Node): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type !== "TemplateLiteral" || node.expressions.length > 0) return undefined;
  return node.quasis[0]?.value.cooked ?? undefined;
}

function isModuleAddress(node: Node): boolean {
  return (
    node.type === "MemberExpression" &&
    node.object.type === "MetaProperty" &&
    node.property.type === "Identifier" &&
    node.property.name === "url"
  );
}
