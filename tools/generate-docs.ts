// Writes the reference pages that are generated from code: `node tools/generate-docs.ts`.
// A tidy test compares them with what is in the repository.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ErrorCodeInfo, errorCatalogue } from "@myelin/core/errors";
import { defaultLimits, defaultSessionSettings } from "@myelin/node";
import {
  boundKeys,
  type ConfigKey,
  configKeys,
  flagOf,
  variableOf,
} from "../packages/cli/src/config/index.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The text of docs/errors.md: every code of the catalogue, and what to do about it. */
export function errorsPage(): string {
  const entries: [string, ErrorCodeInfo][] = Object.entries(errorCatalogue);
  const rows = entries.map(
    ([code, info]) =>
      `| \`${code}\` | ${info.meaning} | ${info.remedy} | ${info.isRetryable ? "yes" : "no"} | ${info.httpStatus} |`,
  );
  return [
    "# Error codes",
    "",
    "<!-- Generated from packages/core/src/errors by npm run generate: change it there. -->",
    "",
    "Everything that goes wrong in Myelin says so with one of these codes: errors thrown by the SDK,",
    "bodies of the HTTP API, goodbyes of a session, outcomes of an instruction, messages of the",
    "command line. The shape is always `{ code, message, hint, details }`. Decide by the code; the",
    "message is for people and may change.",
    "",
    "*Retry* says whether the same call may succeed later without a change by the caller. *HTTP* is",
    "the status of an answer that carries the code.",
    "",
    "| code | what happened | what to do | retry | HTTP |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** The text of docs/configuration.md: every key, where it is read from, and what it means. */
function configurationPage(): string {
  const rows = Object.entries<ConfigKey>(configKeys).map(([name, key]) =>
    row(key.path, `\`${flagOf(name)}\``, key, key.brief),
  );
  const meanings = new Map([
    ...meaningsIn("session", "packages/node/src/session/settings.ts"),
    ...meaningsIn("limits", "packages/node/src/settings.ts"),
    ...meaningsIn("limits", "packages/node/src/ports/bounds.ts"),
  ]);
  const bounds = boundKeys({
    session: { ...defaultSessionSettings },
    limits: { ...defaultLimits },
  }).map((key) => row(key.path, "", key, meanings.get(key.path) ?? ""));
  const head = [
    "| key | type | default | variable | flag | meaning |",
    "|---|---|---|---|---|---|",
  ];
  return [
    ...configurationIntroduction,
    ...head,
    ...rows,
    "",
    ...boundsIntroduction,
    ...head,
    ...bounds,
    "",
  ].join("\n");
}

const configurationIntroduction = [
  "# Configuration",
  "",
  "<!-- Generated from packages/cli/src/config and the node's settings by npm run generate: change it there. -->",
  "",
  "What `myelin up` is told comes from four places, each over those before: the defaults, the file `myelin.yaml`, variables of the environment, flags.",
  "`myelin config` prints what is in force and where each value comes from; it takes the same flags and starts nothing.",
  "",
  "The file is the one named by `--config FILE`, else by `MYELIN_CONFIG`, else `myelin.yaml` in the working directory, else in the data directory. Only one is read. A relative path in it counts from the file.",
  "",
  "```yaml config file=myelin.yaml",
  "port: 7400",
  "data: ./data",
  "logLevel: info",
  "node:",
  "  id: edge_node_001",
  "  tier: edge",
  "  capabilities: [vision, audio, motion]",
  "  location: living_room",
  "  neighbors: [device_tv, device_light, cloud_center]",
  "limits:",
  "  maxRules: 500",
  "session:",
  "  resumeWindowUs: 1m",
  "```",
  "",
  "```sh run",
  "myelin config",
  "MYELIN_PORT=7500 myelin config --log-level warn --json",
  "```",
  "",
  "A key of the file that is none of these is an error that names the nearest, and so is a variable that begins with `MYELIN_` and is neither one of these nor one of [agents](sdk.md#connecting) and [commands](cli.md) (those that Kubernetes makes for a service are left alone); a value of another form is one that says what is expected. All that is wrong is told at once, with file and line, and the node does not start:",
  "",
  "```text",
  'error INVALID_ARGUMENT: /etc/myelin/myelin.yaml:2: unknown key "prot"; did you mean port?',
  "```",
  "",
  "In the environment a list is parted by commas; on the command line each of its values has a flag of its own. An empty variable is as none. A node is described by `node`; `node_config` and `type` for `tier` are taken as well. `GET /api/v1/node` shows the description.",
  "",
  "## Keys",
  "",
];

const boundsIntroduction = [
  "## Bounds",
  "",
  "What happens at each is in [limits](limits.md). Durations are written with a unit (`250us`, `10ms`, `1.5s`, `2m`), sizes in bytes or with one (`64KiB`, `4MiB`). They have no flags.",
  "",
];

function row(path: string, flag: string, key: ConfigKey, meaning: string): string {
  const { form, default: fallback, defaultNote, isSecret, aliases = [] } = key;
  const type =
    form.words === undefined ? form.type : form.words.map((each) => `\`${each}\``).join(", ");
  const written = typeof fallback === "object" ? fallback.join(", ") : fallback;
  const plain = written === undefined || written === "" ? "none" : `\`${form.format(written)}\``;
  const notes = [
    meaning,
    ...(isSecret === true ? ["never printed"] : []),
    ...aliases.map((alias) => `\`${alias}\` is the same`),
  ];
  return `| \`${path}\` | ${type} | ${defaultNote ?? plain} | \`${variableOf(path)}\` | ${flag} | ${notes.join("; ").replace(/\.$/, "")} |`;
}

/** The doc comments of a settings interface, by the key of each setting. */
function meaningsIn(group: string, path: string): [string, string][] {
  const text = readFileSync(join(root, path), "utf8");
  const commented = /\/\*\* ([^*]+) \*\/\n {2}readonly (\w+): number;/g;
  return [...text.matchAll(commented)].map(([, meaning = "", name = ""]) => [
    `${group}.${name}`,
    meaning,
  ]);
}

/** Generated pages by their path from the repository's root. */
export function generatedPages(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/errors.md", errorsPage()],
    ["docs/configuration.md", configurationPage()],
  ]);
}

if (import.meta.main) {
  for (const [path, text] of generatedPages()) writeFileSync(join(root, path), text);
}
