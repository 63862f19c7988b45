// Rules by the command line, against a real node.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { connect } from "@myelin/agent";
import { isJsonObject, type JsonObject } from "@myelin/core/json";
import { createLog, type RunningNode, startNode } from "@myelin/node";
import { exitCodes } from "../exit-codes.ts";
import { myelin, type Outcome } from "./test-support.ts";

const hot = { name: "hot", expr: "cpu > 0.9", action: "cool", limit: "2/1m" };
const full = { name: "full", expr: "mem > 0.9 for 5s", action: "restart" };
const hotter = { ...hot, expr: "cpu > 0.8" };

/** A node, and a folder with rule files. */
class Bench implements AsyncDisposable {
  readonly #node: RunningNode;
  readonly #folder = mkdtempSync(join(tmpdir(), "myelin-rules-"));
  #files = 0;

  private constructor(node: RunningNode) {
    this.#node = node;
  }

  static async start(): Promise<Bench> {
    const log = await createLog({ level: "error", isReadable: false });
    return new Bench(await startNode({ port: 0, storage: "memory", log }));
  }

  /** Path of a new file with this content: rules, or a text. */
  file(content: readonly object[] | string): string {
    const path = join(this.#folder, `${++this.#files}.yaml`);
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify({ rules: content }));
    return path;
  }

  get url(): string {
    return this.#node.httpUrl;
  }

  run(...args: readonly string[]): Promise<Outcome> {
    return myelin(["rules", ...args], { MYELIN_URL: this.url });
  }

  /** What it prints; it must go well. */
  async out(...args: readonly string[]): Promise<string> {
    const { code, out, err } = await this.run(...args);
    assert.equal(code, exitCodes.success, err);
    return out;
  }

  async json(...args: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.out(...args, "--json"));
  }

  async apply(...rules: readonly object[]): Promise<string> {
    return await this.out("apply", this.file(rules));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    await this.#node.close();
  }
}

/** These fields of each object of a list. */
function fieldsOf(list: unknown, ...names: readonly string[]): unknown[][] {
  assert.ok(Array.isArray(list));
  return list.filter(isJsonObject).map((each: JsonObject) => names.map((name) => each[name]));
}

suite("myelin rules", () => {
  test("a file is applied, told rule by rule, and applied again changes nothing", async () => {
    await using bench = await Bench.start();
    assert.equal(await bench.out("list"), "no rules\n");
    const file = bench.file([hot, full]);
    const first = await bench.run("apply", file);
    assert.deepEqual(first, {
      code: exitCodes.success,
      out: "rule hot created (version 1)\nrule full created (version 1)\n",
      err:
        "warning: rule hot: no agent has reported the metric cpu yet\n" +
        "warning: rule full: no agent has reported the metric mem yet\n",
    });
    const again = await bench.json("apply", file);
    assert.ok(isJsonObject(again));
    assert.deepEqual(fieldsOf(again["changes"], "name", "version", "change"), [
      ["hot", 1, "unchanged"],
      ["full", 1, "unchanged"],
    ]);
    assert.deepEqual(fieldsOf(again["warnings"], "rule", "field", "line"), [
      ["hot", "expr", undefined],
      ["full", "expr", undefined],
    ]);
    const several = await bench.out("apply", bench.file([hotter]), bench.file([full]));
    assert.equal(several, "rule hot updated (version 2)\nrule full unchanged (version 1)\n");
  });

  test("a window that is short beside how often agents report its metric is warned of", async () => {
    await using bench = await Bench.start();
    const agents = await Promise.all(
      ["a", "b"].map((id) => connect({ id, url: bench.url.replace("http", "ws") })),
    );
    const rule = { name: "short", expr: 'avg_over_time(load, "300ms") > 0.9', action: "act" };
    const wide = { ...rule, name: "wide", expr: 'avg_over_time(load, "400ms") > 0.9' };
    const file = bench.file([rule, wide]);
    let timeUs = Date.now() * 1000 - 60e6;
    let warned = "";
    for (let sample = 0; !warned.includes("window") && sample < 200; sample += 1) {
      timeUs += 200_000;
      for (const agent of agents) agent.report({ load: 0.5 }, { timeUs });
      await Promise.all(agents.map((agent) => agent.flush()));
      warned = (await bench.run("apply", file)).err;
    }
    await Promise.all(agents.map((agent) => agent.close()));
    assert.equal(
      warned,
      "warning: rule short: a window of 300ms over load, which comes about every 200ms, holds two samples at the most\n",
    );
  });

  test("the rules in force are listed, and one is shown with its state and versions", async () => {
    await using bench = await Bench.start();
    await bench.apply(hot, full);
    const [heading, ...rows] = (await bench.out("list")).trimEnd().split("\n");
    assert.match(heading ?? "", /^RULE +VERSION +MODE +ACTION +PENDING +FIRING +BREAKER$/);
    assert.deepEqual(
      rows.map((row) => row.split(/ +/)),
      [
        ["full", "1", "enforce", "restart", "0", "0", "closed"],
        ["hot", "1", "enforce", "cool", "0", "0", "closed"],
      ],
    );
    assert.deepEqual(fieldsOf(await bench.json("list"), "name", "source"), [
      ["full", full],
      ["hot", hot],
    ]);
    assert.match(await bench.out("show", "hot"), /^name: hot\nversion: 1\n[^]*\nversions:\n/);
    const shown = await bench.json("show", "hot");
    assert.ok(isJsonObject(shown));
    assert.deepEqual([shown["name"], shown["mode"], shown["source"]], ["hot", "enforce", hot]);
    assert.deepEqual(fieldsOf(shown["versions"], "version", "isDeleted"), [[1, false]]);
  });

  test("what changed between versions is shown field by field, with what it means", async () => {
    await using bench = await Bench.start();
    await bench.apply(hot);
    await bench.apply(hotter);
    await bench.apply({ ...hotter, action: "stop" });
    const lines = (await bench.out("diff", "hot", "1", "2")).trimEnd().split("\n");
    assert.match(lines[0] ?? "", /^--- rule hot version 1 \(\d{4}-.*Z by local\)$/);
    assert.match(lines[1] ?? "", /^\+\+\+ rule hot version 2 \(\d{4}-.*Z by local\)$/);
    assert.deepEqual(lines.slice(2), [
      " name: hot",
      "-expr: cpu > 0.9",
      "+expr: cpu > 0.8",
      " action: cool",
      " limit: 2/1m",
      "the meaning changed: the rule's state starts afresh",
    ]);
    const latest = await bench.out("diff", "hot");
    assert.match(latest, /\n-action: cool\n\+action: stop\n/);
    assert.match(latest, /\nthe meaning is the same: the rule keeps its state\n$/);
    assert.match(await bench.out("diff", "hot", "2", "2"), /\nnothing differs\n$/);
    const document = await bench.json("diff", "hot", "1", "3");
    assert.ok(isJsonObject(document));
    assert.equal(document["isMeaningChanged"], true);
    assert.deepEqual(fieldsOf(document["changes"], "field", "before", "after"), [
      ["expr", "cpu > 0.9", "cpu > 0.8"],
      ["action", "cool", "stop"],
    ]);
    await bench.out("delete", "hot");
    assert.match(await bench.out("diff", "hot"), /\n-limit: 2\/1m\nthe rule was deleted\n$/);
    await bench.out("rollback", "hot");
    assert.match(await bench.out("diff", "hot"), /\n\+limit: 2\/1m\nthe rule came into force\n$/);
  });

  test("an earlier version is taken up again, of a deleted rule too, and every version is listed", async () => {
    await using bench = await Bench.start();
    await bench.apply(hot);
    await bench.apply(hotter);
    assert.equal(
      await bench.out("rollback", "hot"),
      "rule hot rolled back to version 1 (version 3)\n",
    );
    const unchanged = "rule hot unchanged: version 3 is as version 1\n";
    assert.equal(await bench.out("rollback", "hot", "--to", "1"), unchanged);
    assert.equal(await bench.out("delete", "hot"), "rule hot deleted\n");
    assert.deepEqual(await bench.json("rollback", "hot", "--to", "2"), {
      ...{ name: "hot", version: 5, change: "created", rolledBackTo: 2 },
    });
    const [heading, ...rows] = (await bench.out("versions", "hot")).trimEnd().split("\n");
    assert.match(heading ?? "", /^VERSION +MEANING +CREATED +BY +WHAT$/);
    assert.deepEqual(
      rows.map((row) => row.split(/ {2,}/).filter((_, at) => at !== 2)),
      [
        ["5", "4", "local", "rolled back to 2"],
        ["4", "3", "local", "deleted"],
        ["3", "3", "local", "rolled back to 1"],
        ["2", "2", "local", "applied"],
        ["1", "1", "local", "applied"],
      ],
    );
    const versions = await bench.json("versions", "hot");
    assert.deepEqual(fieldsOf(versions, "version", "isDeleted", "rolledBackTo").at(-1), [
      ...[5, false, 2],
    ]);
  });

  test("a whole set is replaced, and only where nobody else has changed it meanwhile", async () => {
    await using bench = await Bench.start();
    await bench.apply(hot, full);
    const tag = (await bench.out("list", "--etag")).trimEnd();
    assert.match(tag, /^"\S+"$/);
    const replace = ["apply", bench.file([hotter]), "--replace", "--if-match", tag];
    const told = "rule hot updated (version 2)\nrule full deleted (version 2)\n";
    assert.equal(await bench.out(...replace), told);
    for (const late of [replace, ["delete", "hot", "--if-match", tag]]) {
      const { code, out, err } = await bench.run(...late);
      assert.deepEqual([code, out], [exitCodes.failure, ""]);
      assert.match(
        err,
        /^error PRECONDITION_FAILED: the rules have changed: .*\n {2}Read them again/,
      );
    }
    const back = await bench.run("rollback", "hot", "--if-match", tag);
    assert.equal(back.code, exitCodes.failure);
    assert.deepEqual(await bench.json("delete", "hot"), {
      ...{ name: "hot", version: 3, change: "deleted" },
    });
    assert.equal(await bench.out("list"), "no rules\n");
  });

  test("nothing of a file with a fault is applied, and each fault is told with its place and mend", async () => {
    await using bench = await Bench.start();
    const text = [
      "rules:",
      "  - { name: hot, expr: cpu > 0.9, action: cool }",
      "  - name: worse",
      '    expr: avg_overtime(cpu, "1m") > 0.9',
      "    action: cool",
      "    colour: red",
    ];
    for (const flags of [[], ["--json"], ["--replace"]]) {
      const { code, out, err } = await bench.run("apply", bench.file(text.join("\n")), ...flags);
      assert.deepEqual([code, out], [exitCodes.usage, ""]);
      const lines = err.trimEnd().split("\n");
      assert.deepEqual(lines.slice(0, 4), [
        'error RULE_INVALID: rule worse, line 4, column 11: unknown metric function "avg_overtime" (and 1 more)',
        '  line 4, column 11: rule worse: unknown metric function "avg_overtime"',
        "    did you mean avg_over_time?",
        '  line 6, column 5: rule worse: unknown key "colour"',
      ]);
    }
    const broken = await bench.run("apply", bench.file("rules: [{"));
    assert.equal(broken.code, exitCodes.usage);
    assert.match(broken.err, /^error RULE_INVALID: line 1, column \d+: /);
    assert.equal(await bench.out("list"), "no rules\n");
  });

  test("a wrong command, and a rule or version that there is not, are told with what to do", async () => {
    await using bench = await Bench.start();
    await bench.apply(hot);
    const refused = async (code: number, message: RegExp, ...args: string[]): Promise<void> => {
      const outcome = await bench.run(...args);
      assert.deepEqual([outcome.code, outcome.out], [code, ""], args.join(" "));
      assert.match(outcome.err, message, args.join(" "));
    };
    const { usage, notFound, failure } = exitCodes;
    for (const act of ["show", "versions", "diff", "delete", "rollback"])
      await refused(
        notFound,
        /^error NOT_FOUND: there is no rule cold\n {2}List the rules/,
        act,
        "cold",
      );
    const noVersion = /^error NOT_FOUND: rule hot has no version 9\n {2}See which it has with/;
    await refused(notFound, noVersion, "diff", "hot", "1", "9");
    await refused(notFound, noVersion, "rollback", "hot", "--to", "9");
    const noEarlier = /^error CONFLICT: rule hot has no earlier version .*\n {2}Apply a file with/;
    await refused(failure, noEarlier, "rollback", "hot");
    const whole = "is no version of a rule\n {2}Versions are whole numbers from 1";
    await refused(usage, new RegExp(`"first" for FROM: .*${whole}`), "diff", "hot", "first");
    await refused(usage, new RegExp(`"0" for --to: .*${whole}`), "rollback", "hot", "--to", "0");
    const noName =
      /^error INVALID_ARGUMENT: "No Name" is not a valid rule name\n {2}A rule name is/;
    await refused(usage, noName, "show", "No Name");
    const file = bench.file([hot]);
    const oneFile = /--replace and --if-match take one file\n {2}Put the rules into one file/;
    await refused(usage, oneFile, "apply", file, file, "--replace");
    await refused(usage, /there is nothing to apply\n {2}Name a rule file, or a pack/, "apply");
    await refused(usage, /`myelin rules` has no command undo\n/, "undo");
  });

  test("packs are listed, printed with their tests, and applied by their names", async () => {
    const listed = await myelin(["rules", "packs"]);
    assert.match(listed.out, /^PACK +RULES +FOR\nprocess +6 .*\nllm +5 .*\n$/);
    const printed = await myelin(["rules", "packs", "llm"]);
    assert.match(printed.out, /^rules:\n {2}- name: llm-runaway-loop$/m);
    const tests = await myelin(["rules", "packs", "llm", "--tests"]);
    assert.match(tests.out, /^rule_files: \[llm\.yaml\]$/m);
    const unknown = await myelin(["rules", "packs", "lm"]);
    assert.equal(unknown.code, exitCodes.notFound);
    assert.match(unknown.err, /Did you mean llm\?/);
    await using bench = await Bench.start();
    const applied = await bench.out("apply", "--pack", "llm", bench.file([hot]));
    assert.match(applied, /^rule llm-runaway-loop created \(version 1\)\n[^]*\nrule hot created/);
    assert.equal((await bench.run("apply")).code, exitCodes.usage);
    const both = ["apply", "--replace", "--pack", "llm", "--pack", "process"];
    assert.equal((await bench.run(...both)).code, exitCodes.usage);
  });

  test("files are checked without a node, each problem with the piece underlined", async () => {
    await using bench = await Bench.start();
    const wrong = bench.file(`rules:\n  - { name: a, expr: cpu >> 1, action: x }\n`);
    const right = bench.file([
      hot,
      { name: "b", expr: "mem > 5", resolve: "mem > 6", action: "y" },
    ]);
    const checked = await myelin(["rule", "check", right, wrong]);
    assert.equal(checked.code, exitCodes.usage);
    assert.equal(checked.out, `${right}: 2 rules, no errors\n`);
    assert.match(checked.err, /warning: rule b: resolve: resolve can never end an episode/);
    assert.ok(
      checked.err.endsWith(
        `${wrong}:2:26: rule a: expr: syntax error at ">"\n    - { name: a, expr: cpu >> 1, action: x }\n                           ^\n`,
      ),
      checked.err,
    );
    const asJson = await myelin(["rules", "check", "--json", right]);
    assert.equal(asJson.code, 0);
    const { ok, files } = JSON.parse(asJson.out) as JsonObject;
    assert.equal(ok, true);
    assert.ok(Array.isArray(files) && isJsonObject(files[0]));
    assert.deepEqual(files[0]["rules"], ["hot", "b"]);
    const { out } = await myelin(["rules", "schema"]);
    assert.ok(isJsonObject(JSON.parse(out)));
  });
});
