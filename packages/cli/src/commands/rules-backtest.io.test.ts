// Backtests by the command line: real files, and a real node to compare with.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { connect } from "@myelin/agent";
import { parseTime } from "@myelin/core/instruction";
import { isJsonObject, type JsonObject } from "@myelin/core/json";
import { createLog, startNode } from "@myelin/node";
import { exitCodes } from "../exit-codes.ts";
import { cell, objectsOf } from "../output/index.ts";
import { myelin, type Outcome } from "./test-support.ts";

const hot = { name: "hot", expr: "cpu > 0.9", action: "cool", args: { cpu: "${cpu}" } };
const warm = { ...hot, expr: "cpu > 0.8" };
const full = { name: "full", expr: "mem > 0.9", action: "trim" };
const cpu = [0.5, 0.85, 0.95, 0.2, 0.95];
const instant = (second: number): string => `2026-11-21T09:00:0${second}.000000Z`;
const csv = `time,agent,cpu\n${cpu.map((value, second) => `${instant(second)},w1,${value}`).join("\n")}\n`;
const jsonLines = cpu
  .map((value, second) => `{"time":"${instant(second)}","agent":"w2","samples":{"cpu":${value}}}\n`)
  .join("");
/** Where no node listens. */
const nowhere = "http://127.0.0.1:9";

/** A folder with rules and data. */
class Folder implements Disposable {
  readonly #path = mkdtempSync(join(tmpdir(), "myelin-backtest-"));

  /** Path of a file with this content: rules, or data. */
  file(name: string, content: readonly object[] | string | Uint8Array): string {
    const path = this.path(name);
    const isWhole = typeof content === "string" || content instanceof Uint8Array;
    writeFileSync(path, isWhole ? content : JSON.stringify({ rules: content }));
    return path;
  }

  path(name: string): string {
    return join(this.#path, name);
  }

  run(args: readonly string[], url: string = nowhere): Promise<Outcome> {
    return myelin(["rule", "backtest", ...args], { MYELIN_URL: url });
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { recursive: true });
  }
}

/** A node records an agent that is hot three times, then silent; gives the instructions of its rules, the oldest first. */
async function lifeOf(dataDirectory: string, rules: string): Promise<JsonObject[]> {
  const log = await createLog({ level: "error", isReadable: false });
  const node = await startNode({ port: 0, dataDirectory, log, isRecorded: true });
  const env = { MYELIN_URL: node.httpUrl };
  try {
    assert.equal((await myelin(["rules", "apply", rules], env)).code, exitCodes.success);
    const agent = await connect({ url: node.url, id: "w1" });
    let isDone: () => void = () => undefined;
    for (const action of ["cool", "wake"]) agent.on(action, () => isDone());
    for (const value of [0.95, 0.96, 0.97]) {
      const hasActed = new Promise<void>((resolve) => (isDone = resolve));
      agent.report({ cpu: 0.1 });
      agent.report({ cpu: value });
      await hasActed;
    }
    await new Promise<void>((resolve) => (isDone = resolve));
    await agent.close();
    const ledger = await myelin(["ledger", "--json"], env);
    return objectsOf(JSON.parse(ledger.out)).toReversed();
  } finally {
    await node.close();
  }
}

suite("myelin rules backtest", () => {
  test("a node's own recording gives what its rules decided", async () => {
    using folder = new Folder();
    const dataDirectory = folder.path("data");
    const silent = { name: "silent", expr: 'absent(cpu, "200ms")', action: "wake" };
    const rules = folder.file("rules.yaml", [hot, silent]);
    const decided = await lifeOf(dataDirectory, rules);
    assert.equal(decided.length, 4);
    const args = ["--rules", rules, "--data", dataDirectory, "--against", rules, "--json"];
    const { out, err } = await folder.run(args);
    assert.equal(err, "");
    const result: unknown = JSON.parse(out);
    assert.ok(isJsonObject(result));
    const firings = objectsOf(result["firings"]);
    const told = ({ rule, agent, args: given }: JsonObject): unknown[] => [rule, agent, given];
    assert.deepEqual(firings.map(told), decided.map(told));
    for (const [index, { at }] of firings.entries()) {
      const createdUs = parseTime(cell(decided[index]?.["createdAt"]));
      assert.ok(Math.abs(createdUs - parseTime(cell(at))) < 100_000);
    }
    assert.deepEqual([result["differenceCount"], result["warnings"]], [0, []]);
    const none = await folder.run([
      "--rules",
      rules,
      "--data",
      folder.path("."),
      "--against",
      rules,
    ]);
    assert.equal(none.code, exitCodes.usage);
  });

  test("compares with the rules that a running node has in force, and changes nothing there", async () => {
    using folder = new Folder();
    const log = await createLog({ level: "error", isReadable: false });
    const node = await startNode({ port: 0, storage: "memory", log });
    try {
      const url = node.httpUrl;
      const apply = ["rules", "apply", folder.file("old.yaml", [hot, full])];
      assert.equal((await myelin(apply, { MYELIN_URL: url })).code, exitCodes.success);
      const args = [
        "--rules",
        folder.file("new.yaml", [warm]),
        "--data",
        folder.file("a.csv", csv),
      ];
      assert.deepEqual(await folder.run(args, url), {
        code: exitCodes.success,
        out: `RULE  FIRINGS  BEFORE  SENT  AGENTS  FIRING FOR  BREAKER
hot   2        2       2     1       2.00 s      -

5 samples of 1 agent, ${instant(0)} to ${instant(4)}

1 difference:
~ ${instant(1)} hot -> w1 cool {"cpu":"0.85"} (before: ${instant(2)} {"cpu":"0.95"})
`,
        err: "",
      });
      const failing = await folder.run([...args, "--fail-on-change"], url);
      assert.equal(failing.code, exitCodes.failure);
      const listed = await myelin(["rules", "list"], { MYELIN_URL: url });
      assert.match(listed.out, /^hot +1 /m);
    } finally {
      await node.close();
    }
  });

  test("compares with other files, or with nothing where no node answers", async () => {
    using folder = new Folder();
    const rules = folder.file("new.yaml", [hot]);
    const data = folder.file("a.csv.gz", gzipSync(csv));
    const more = folder.file("b.jsonl", jsonLines);
    const against = folder.file("old.yaml", [{ ...hot, expr: "cpu > 0.99" }]);
    const all = ["--rules", rules, "--data", data, "--data", more];
    const compared = await folder.run([...all, "--against", against, "--limit", "3"]);
    assert.equal(
      compared.out.split("\n\n").at(-1),
      `4 differences:
+ ${instant(2)} hot -> w1 cool {"cpu":"0.95"}
+ ${instant(2)} hot -> w2 cool {"cpu":"0.95"}
+ ${instant(4)} hot -> w1 cool {"cpu":"0.95"}
and 1 more (--limit, --json)
`,
    );
    const same = await folder.run([...all, "--against", rules, "--fail-on-change"]);
    assert.equal(same.code, exitCodes.success);
    assert.match(same.out, /\n\nno firing differs\n$/);
    const alone = await folder.run(["--rules", rules, "--data", data, "--from", instant(3)]);
    assert.equal(alone.code, exitCodes.success);
    assert.match(alone.out, /\n\n1 firing:\n2026-11-21T09:00:04\.000000Z hot -> w1 cool .*\n$/);
    assert.match(alone.err, /^no node answers at .*: there is nothing to compare with/);
    const named = await folder.run(["--rules", rules, "--data", data, "--url", nowhere]);
    assert.equal(named.code, exitCodes.unavailable);
  });

  test("tells all of it as JSON, and warns of what casts doubt on it", async () => {
    using folder = new Folder();
    const late = `${csv}${instant(1)},w1,1\n`;
    const rules = folder.file("r.yaml", [hot, { ...full, expr: "cpuu > 0.9" }]);
    const args = [
      "--rules",
      rules,
      "--data",
      folder.file("a.csv", late),
      "--against",
      rules,
      "--json",
    ];
    const { out } = await folder.run(args);
    const result: unknown = JSON.parse(out);
    assert.ok(isJsonObject(result));
    assert.deepEqual(result["data"], {
      ...{ from: instant(0), to: instant(4), inputs: 6, samples: 6, agents: 1 },
      ...{ missing: 0, late: 1, future: 0 },
    });
    const [first] = objectsOf(result["firings"]);
    assert.deepEqual(first, {
      ...{ at: instant(2), time: instant(2), startedAt: instant(2), rule: "hot", agent: "w1" },
      ...{ action: "cool", args: { cpu: "0.95" }, attempt: 1, mode: "sent" },
    });
    assert.deepEqual([result["firingCount"], result["differenceCount"]], [2, 0]);
    const warnings = JSON.stringify(result["warnings"]);
    assert.match(warnings, /rule full reads cpuu, of which there is no sample: did you mean cpu\?/);
    assert.match(
      warnings,
      /a\.csv: 1 line older than a line before, from line 7 on, by up to 3\.00 s/,
    );
    assert.match(warnings, /1 input came too late for rules/);
  });

  test("tells what is wrong with files, and exits 2", async () => {
    using folder = new Folder();
    const rules = folder.file("r.yaml", [hot]);
    const wrong = folder.file("a.csv", `time,agent,cpu\n${instant(0)},w1,x\nsoon,w1,1\n`);
    const data = await folder.run(["--rules", rules, "--data", wrong]);
    assert.equal(data.code, exitCodes.usage);
    assert.equal(data.out, "");
    assert.match(
      data.err,
      /a\.csv:2:32: "x" is no number: .*\n.*a\.csv:3:1: "soon" is not a time: /,
    );
    const cut = folder.file("b.csv.gz", gzipSync(csv).subarray(0, 40));
    for (const bad of [cut, folder.path("none.csv"), rules]) {
      const { code, err } = await folder.run(["--rules", rules, "--data", bad, "--against", rules]);
      assert.equal(code, exitCodes.usage, err);
    }
    const fine = folder.file("c.csv", csv);
    const faulty = folder.file("f.yaml", [{ ...hot, expr: "cpu >" }]);
    for (const args of [
      ["--rules", faulty],
      ["--rules", rules, "--against", faulty],
    ]) {
      const { code, err } = await folder.run([...args, "--data", fine]);
      assert.equal(code, exitCodes.usage);
      assert.match(err, /f\.yaml:1:\d+: rule hot: expr: /);
    }
    const twice = await folder.run(["--rules", rules, "--rules", rules, "--data", fine]);
    assert.match(twice.err, /the rule hot of .* is there already/);
  });
});
