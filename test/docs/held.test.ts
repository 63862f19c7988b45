// Holds the reference pages to the code: what the code has, the page names.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { pathToFileURL } from "node:url";
import { instructionStatuses, stageNames } from "@myelin/core/instruction";
import { repositoryRoot } from "./page/index.ts";

const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");

/** What a module behind a package's door exports: these tests compare with it, nothing else uses it. */
async function exportsOf(path: string): Promise<Readonly<Record<string, unknown>>> {
  return (await import(pathToFileURL(join(repositoryRoot, path)).href)) as Record<string, unknown>;
}

suite("ARCHITECTURE.md", () => {
  const page = read("ARCHITECTURE.md");
  const codes = [...page.replaceAll(/^```[^]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)].map(
    ([, code = ""]) => code,
  );
  const files = globSync("{packages/*/src,test,proto}/**/*.{ts,proto}", { cwd: repositoryRoot });

  test("has every folder of every package", () => {
    const folders = [
      ...globSync("packages/*/src/*/", { cwd: repositoryRoot }),
      ...globSync("packages/node/src/adapters/*/", { cwd: repositoryRoot }),
    ].map((path) => path.split("/").at(-1) ?? "");
    assert.ok(folders.length > 40);
    assert.deepEqual(
      folders.filter((folder) => !codes.includes(folder)),
      [],
    );
  });

  test("names only files that there are", () => {
    const named = codes.filter((code) => /^[\w./…-]+\.ts$/.test(code));
    assert.ok(named.length > 20);
    const missing = named.filter((name) => {
      const [last = "", first = ""] = name.split("…/").toReversed();
      return !files.some((file) => file.endsWith(last) && file.includes(first));
    });
    assert.deepEqual(missing, []);
  });

  test("names only functions that there are", () => {
    const named = codes.flatMap((code) => {
      const [, owner, member] = /^([A-Z]\w+)\.(#?\w+)$/.exec(code) ?? [];
      return owner === undefined || member === undefined ? [] : [{ code, owner, member }];
    });
    assert.ok(named.length > 15);
    const texts = files.map(read);
    const missing = named.filter(({ owner, member }) => {
      const definitions = new RegExp(`^(?:export )?(?:class|interface) ${owner}\\b`, "m");
      const isMember = new RegExp(`^ {2}(?:readonly |get )?${member}\\b`, "m");
      return !texts.some((text) => definitions.test(text) && isMember.test(text));
    });
    assert.deepEqual(missing, []);
  });
});

test("docs/limits.md has every setting of a node with its value", async () => {
  const page = read("docs/limits.md");
  const { defaultLimits } = await exportsOf("packages/node/src/limits.ts");
  const { defaultSessionSettings } = await exportsOf("packages/node/src/session/settings.ts");
  const settings = [defaultLimits, defaultSessionSettings].flatMap((each) =>
    Object.entries(Object(each)),
  );
  assert.ok(settings.length > 20);
  const missing = settings
    .map(([name, value]) => `| \`${name}\` | ${readable(name, Number(value))} |`)
    .filter((row) => !page.includes(row));
  assert.deepEqual(missing, []);
});

test("docs/limits.md has every bound of the rule language with its value", async () => {
  const page = read("docs/limits.md");
  const { limits } = await exportsOf("packages/core/src/rules/limits.ts");
  const missing = Object.entries(Object(limits))
    .map(([name, value]) => `| \`${name}\` | ${readable(name, Number(value))} |`)
    .filter((row) => !page.includes(row));
  assert.deepEqual(missing, []);
});

test("docs/limits.md has every bound of tests of rules with its value", async () => {
  const page = read("docs/limits.md");
  const { testLimits } = await exportsOf("packages/core/src/rule-tests/limits.ts");
  const rows = Object.entries(Object(testLimits)).map(
    ([name, value]) => `| \`${name}\` | ${readable(name, Number(value))} |`,
  );
  assert.deepEqual(
    rows.filter((row) => !page.includes(row)),
    [],
  );
});

test("docs/rule-tests.md has every key of a file of tests", async () => {
  const page = read("docs/rule-tests.md");
  const { keysOf } = await exportsOf("packages/core/src/rule-tests/keys.ts");
  const keys = Object.values(Object(keysOf)).flatMap((each) => Object.keys(Object(each)));
  assert.ok(keys.length > 30);
  assert.deepEqual(
    keys.filter((key) => !new RegExp(`\\b${key}\\b`).test(page)),
    [],
  );
});

test("docs/rules.md has every field of a rule", async () => {
  const page = read("docs/rules.md");
  const { fieldNames } = await exportsOf("packages/core/src/rules/fields.ts");
  const names = fieldNames as readonly string[];
  assert.ok(names.length > 10);
  assert.deepEqual(
    names.filter((name) => !page.includes(`| \`${name}\` |`)),
    [],
  );
});

test("docs/http-api.md has every route", () => {
  const page = read("docs/http-api.md");
  const routes = [...read("packages/node/src/api/api.ts").matchAll(/\.on\("([A-Z]+)", "([^"]+)"/g)];
  assert.ok(routes.length > 10);
  const named = routes.map(
    ([, method, path = ""]) => `\`${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}\``,
  );
  assert.deepEqual(
    named.filter((route) => !page.includes(route)),
    [],
  );
});

test("docs/http-api.md has every status and stage of an instruction", () => {
  const page = read("docs/http-api.md");
  for (const word of [...instructionStatuses, ...stageNames])
    assert.ok(page.includes(`| \`${word}\` |`), word);
});

/** Names of the node's metrics, as the code has them. */
function metricNames(): string[] {
  const files = globSync("packages/node/src/adapters/metrics/*-rows.ts", { cwd: repositoryRoot });
  const source = [...files, "packages/node/src/adapters/metrics/rows.ts"].map(read).join("\n");
  return [...source.matchAll(/"((?:myelin|process|nodejs)_\w+)"/g)].map(([, name = ""]) => name);
}

test("docs/http-api.md has every metric of the node, and no other", () => {
  const page = read("docs/http-api.md");
  const names = metricNames();
  assert.ok(names.length > 40);
  assert.deepEqual(
    names.filter((name) => !page.includes(`\`${name}\``)),
    [],
  );
  const section = page.split(/^## /m).find((each) => each.startsWith("Metrics"));
  const told = [...(section ?? "").matchAll(/\b(?:myelin|process|nodejs)_[a-z_]+/g)].map(([name]) =>
    name.replace(/_(bucket|sum|count)$/, ""),
  );
  assert.deepEqual(
    told.filter((name) => !names.includes(name)),
    [],
  );
});

suite("docs/operations.md", () => {
  const page = read("docs/operations.md");

  test("names only metrics that there are", () => {
    const named = [...page.matchAll(/\bmyelin_\w+/g)].map(([name]) =>
      name.replace(/_(bucket|sum|count)$/, ""),
    );
    assert.ok(named.length > 5);
    const names = metricNames();
    const missing = named.filter((name) => !names.includes(name));
    assert.deepEqual(missing, []);
  });

  test("gives its service room for every connection that there may be", async () => {
    const [, files = ""] = /^LimitNOFILE=(\d+)$/m.exec(page) ?? [];
    const { openFilesFinding } = await exportsOf("packages/cli/src/doctor/limits.ts");
    const { defaultSessionSettings } = await exportsOf("packages/node/src/session/settings.ts");
    const { maxConnections } = defaultSessionSettings as { readonly maxConnections: number };
    const judge = openFilesFinding as (limit: number, most: number) => { readonly status: string };
    assert.equal(judge(Number(files), maxConnections).status, "ok");
  });
});

test("docs/cli.md has every exit code", async () => {
  const page = read("docs/cli.md");
  const { exitCodes } = await exportsOf("packages/cli/src/exit-codes.ts");
  for (const code of Object.values(Object(exitCodes)))
    assert.ok(page.includes(`| ${code} |`), String(code));
});

test("docs/cli.md has every command with its flags", async () => {
  const page = read("docs/cli.md");
  const common = flagsIn(page.split(/^## /m)[0] ?? "");
  const { routes } = await exportsOf("packages/cli/src/app.ts");
  const { placesOf } = await exportsOf("packages/cli/src/completions/tree.ts");
  const places = (placesOf as PlacesOf)(routes);
  const commands = places.filter(({ commands: further }) => further.length === 0);
  assert.ok(commands.length > 20);
  const missing = commands.flatMap(({ path, flags }) => {
    const [, name = "", ...rest] = path.split(" ");
    const own = sectionOf(page, name);
    if (own === "" || !own.includes(rest.join(" "))) return [path];
    const takesThoseOfUp = ["config", "debug", "doctor"].includes(name);
    const section = takesThoseOfUp ? own + sectionOf(page, "up") : own;
    const told = ["--help", ...flagsIn(section), ...(name === "up" ? [] : common)];
    return flags.flatMap((flag) => (told.includes(flag.name) ? [] : `${path} ${flag.name}`));
  });
  assert.deepEqual(missing, []);
});

/** What the command line has, as its completions see it. */
type PlacesOf = (root: unknown) => readonly {
  readonly path: string;
  readonly commands: readonly unknown[];
  readonly flags: readonly { readonly name: string }[];
}[];

/** The flags that have a row in a table. */
function flagsIn(text: string): string[] {
  return [...text.matchAll(/^\| `(--[a-z-]+)/gm)].map(([, flag = ""]) => flag);
}

/** The text below the heading of a command, up to the next. */
function sectionOf(page: string, command: string): string {
  const [, section = ""] = page.split(new RegExp(`^## myelin ${command}$`, "m"));
  return section.split(/^## /m)[0] ?? "";
}

/** A value as the page writes it: with its unit, by the name's ending. */
function readable(name: string, value: number): string {
  if (name.endsWith("Us")) return durationOf(value);
  if (/Bytes(?:Per\w+)?$/.test(name)) return sizeOf(value);
  return value.toLocaleString("en");
}

function durationOf(us: number): string {
  if (us >= 86_400e6) return `${us / 86_400e6} d`;
  if (us >= 1e6) return `${us / 1e6} s`;
  return us >= 1000 ? `${us / 1000} ms` : `${us} µs`;
}

function sizeOf(bytes: number): string {
  if (bytes >= 2 ** 30) return `${bytes / 2 ** 30} GiB`;
  return bytes >= 1 << 20 ? `${bytes / (1 << 20)} MiB` : `${bytes / 1024} KiB`;
}
