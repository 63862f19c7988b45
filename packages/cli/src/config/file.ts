import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { MyelinError } from "@myelin/core/errors";
import type { ConfigValue } from "./forms.ts";
import { nearestKey } from "./nearest.ts";
import type { ConfigKey } from "./schema.ts";

/** What a file sets. */
export interface FileSetting {
  readonly path: string;
  readonly value: ConfigValue;
  readonly line: number;
}

/** What a file sets, and what is wrong with it, each problem behind its file and line. */
export interface FileReading {
  readonly settings: readonly FileSetting[];
  readonly problems: readonly string[];
}

/** Another name of a whole group, as other programs write it. */
const groupAliases: Readonly<Record<string, string>> = { node_config: "node" };

/** The text of a file; undefined where there is none. @throws MyelinError INVALID_ARGUMENT */
export async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new MyelinError("INVALID_ARGUMENT", `the configuration ${file} cannot be read`, {
      hint: "Let the node's user read it, or name another with --config or MYELIN_CONFIG.",
      cause,
    });
  }
}

/** Reads what a file sets, by the keys there are. */
export function readSettings(
  file: string,
  content: string,
  keys: readonly ConfigKey[],
): FileReading {
  const counter = new LineCounter();
  const document = parseDocument(content, { lineCounter: counter, prettyErrors: false });
  const settings: FileSetting[] = [];
  const problems: string[] = [];
  const lineAt = (offset: number): number => counter.linePos(offset).line;
  const complain = (offset: number, message: string): void =>
    void problems.push(`${file}:${lineAt(offset)}: ${message}`);
  for (const error of document.errors) complain(error.pos[0], error.message);
  if (problems.length > 0) return { settings, problems };

  const names = keys.flatMap((key) => [key.path, ...(key.aliases ?? [])]);
  const groups = new Set(names.filter((name) => name.includes(".")).map(groupOf));
  const visit = (node: unknown, prefix: string): void => {
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
      const written = isScalar(key) ? String(key.value) : String(key);
      const path = prefix + (prefix === "" ? (groupAliases[written] ?? written) : written);
      if (prefix === "" && groups.has(path)) {
        if (isMap(value)) visit(value, `${path}.`);
        else complain(offset, `${written} expects a map of keys`);
        continue;
      }
      const found = keys.find((each) => each.path === path || each.aliases?.includes(path));
      if (found === undefined) {
        const near = nearestKey(path, prefix === "" ? [...names, ...groups] : names) ?? "";
        complain(offset, `unknown key ${JSON.stringify(prefix + written)}; did you mean ${near}?`);
        continue;
      }
      const plain: unknown = value === null ? null : document.createNode(value).toJSON();
      const read = found.form.ofYaml(plain, dirname(file));
      if (read === undefined) complain(offset, `${path} expects ${found.form.expects}`);
      else if (settings.some((each) => each.path === found.path))
        complain(offset, `${found.path} is set twice`);
      else settings.push({ path: found.path, value: read, line: lineAt(offset) });
    }
  };
  if (isMap(document.contents)) visit(document.contents, "");
  else if (document.contents !== null && document.contents.toJSON() !== null)
    problems.push(`${file}:1: ${basename(file)} expects a map of keys`);
  return { settings, problems };
}

function groupOf(path: string): string {
  return path.slice(0, path.indexOf("."));
}
