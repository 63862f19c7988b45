// What holds where nobody says otherwise, as a person meets it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLog, startNode } from "@myelin/node";
import { routes } from "./app.ts";
import { myelin } from "./commands/test-support.ts";
import { placesOf } from "./completions/index.ts";
import { exitCodes } from "./exit-codes.ts";

/** Commands that print no document: they go on, or write a script. */
const withoutJson = ["completions", "run", "up"];

test("a node is started on port 7400, for this machine only, and sessions can be resumed for 30 s", async () => {
  const folder = mkdtempSync(join(tmpdir(), "myelin-defaults-"));
  try {
    const { code, out } = await myelin(["config", "--data", folder, "--json"]);
    assert.equal(code, exitCodes.success);
    const { configuration } = JSON.parse(out) as {
      readonly configuration: readonly { readonly key: string; readonly value: unknown }[];
    };
    const valueOf = (key: string): unknown => configuration.find((each) => each.key === key)?.value;
    assert.deepEqual(
      ["port", "host", "session.resumeWindowUs", "session.heartbeatIntervalUs"].map(valueOf),
      [7400, "127.0.0.1", 30e6, 500_000],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a process is sampled 20 times a second", async () => {
  const { out } = await myelin(["run", "--help"]);
  assert.match(out, /--sample-rate\] +Samples a second .*\[default = 20\]/);
});

test("every command prints JSON with --json, but those that print no document", () => {
  const commands = placesOf(routes).filter(({ commands: further }) => further.length === 0);
  assert.ok(commands.length > 25);
  const without = commands.filter(({ flags }) => !flags.some(({ name }) => name === "--json"));
  assert.deepEqual(without.map(({ path }) => path.replace("myelin ", "")).sort(), withoutJson);
});

test("every list is a table, and with --json a document", async () => {
  const log = await createLog({ level: "error", isReadable: false });
  const node = await startNode({ port: 0, storage: "memory", log });
  const env = { MYELIN_URL: node.httpUrl };
  try {
    const lists = placesOf(routes)
      .filter(({ path }) => / (list|agents|ledger|audit)$/.test(path))
      .map(({ path }) => path.split(" ").slice(1));
    assert.deepEqual(lists.map((words) => words.join(" ")).sort(), [
      "agents",
      "audit",
      "breaker list",
      "ledger",
      "rules list",
      "token list",
    ]);
    for (const words of lists) {
      const name = words.join(" ");
      const table = await myelin(words, env);
      assert.deepEqual([table.code, table.err], [exitCodes.success, ""], name);
      assert.ok(!/^[[{]/.test(table.out), name);
      const document = await myelin([...words, "--json"], env);
      assert.equal(document.code, exitCodes.success, name);
      assert.ok(typeof JSON.parse(document.out) === "object", name);
    }
  } finally {
    await node.close();
  }
});
