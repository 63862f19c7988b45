// Tests of rules by the command line, without a node.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { isJsonObject } from "@myelin/core/json";
import { exitCodes } from "../exit-codes.ts";
import { objectsOf } from "../output/index.ts";
import { myelin, start } from "./test-support.ts";

const rules = `rules:
  - { name: hot, expr: cpu > 0.9 for 2s, action: cool, args: { cpu: "\${cpu}" } }
`;
const tests = `rule_files: [rules.yaml]
tests:
  - name: two seconds above 0.9 are too hot
    agents: [{ id: a, series: { cpu: 0.95x5 } }]
    expect:
      - { at: 1s, rule: hot, states: pending, instructions: [] }
      - { at: 5s, rule: hot, states: firing, instructions: [{ action: cool, at: 2s }] }
  - name: "<cool> stays cool"
    agents: [{ id: a, series: { cpu: 0.5x5 } }]
    expect: [{ at: 3s, rule: hot, states: STATE }]
`;

/** A folder with a rule file and tests of it. */
class Folder implements Disposable {
  readonly #path = mkdtempSync(join(tmpdir(), "myelin-rule-tests-"));
  readonly tests: string;

  constructor(state = "inactive") {
    this.write("rules.yaml", rules);
    this.tests = this.write("rules.test.yaml", tests.replace("STATE", state));
  }

  /** Puts a file in place as editors do: another one under its name. */
  write(name: string, content: string): string {
    const path = this.path(name);
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
    return path;
  }

  path(name: string): string {
    return join(this.#path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { recursive: true });
  }
}

suite("myelin rules test", () => {
  test("tells each test, and exits 0 when all have passed", async () => {
    using folder = new Folder();
    assert.deepEqual(await myelin(["rule", "test", folder.tests]), {
      code: exitCodes.success,
      out: `ok    ${folder.tests}:3  two seconds above 0.9 are too hot
ok    ${folder.tests}:8  <cool> stays cool
2 tests: 2 passed
`,
      err: "",
    });
    const some = await myelin(["rules", "test", "--run", "^two", folder.tests]);
    assert.match(some.out, /^ok .*\n1 test: 1 passed\n$/);
  });

  test("tells of one that fails what was expected, what was there and the series, and exits 1", async () => {
    using folder = new Folder("firing");
    const { code, out } = await myelin(["rules", "test", folder.tests]);
    assert.equal(code, exitCodes.failure);
    assert.equal(
      out.split("\n").slice(1).join("\n"),
      `FAIL  ${folder.tests}:8  <cool> stays cool
  ${folder.tests}:10:43: at 3s
    expected  rule hot, agent a: firing
    actual    rule hot, agent a: inactive
    rule hot, agent a:
       AT  cpu  WHAT   STATE
       0s  0.5  joins  inactive
       1s  0.5         inactive
       2s  0.5         inactive
    >  3s  0.5         inactive
2 tests: 1 passed, 1 failed
`,
    );
  });

  test("tells what is wrong with files, and exits 2", async () => {
    using folder = new Folder();
    const wrong = folder.write(
      "wrong.yaml",
      tests.replace("rules.yaml", "rule.yaml").replace("states: STATE", "statez: firing"),
    );
    const syntax = await myelin(["rules", "test", wrong]);
    assert.equal(syntax.code, exitCodes.usage);
    assert.equal(syntax.out, "");
    assert.match(syntax.err, /wrong\.yaml:10:\d+: unknown key "statez": did you mean states\?\n/);
    folder.write("wrong.yaml", tests.replace("STATE", "firing").replace("rules.yaml", "rule.yaml"));
    const missing = await myelin(["rules", "test", wrong]);
    assert.match(missing.err, /wrong\.yaml:1:14: the rule file rule\.yaml cannot be read\n/);
    folder.write(
      "wrong.yaml",
      tests.replace("STATE", "firing").replaceAll("rule: hot", "rule: hat"),
    );
    const unknown = await myelin(["rules", "test", wrong, folder.path("none.yaml")]);
    assert.match(unknown.err, /wrong\.yaml:6:9: there is no rule hat: did you mean hot\?\n/);
    assert.match(unknown.err, /none\.yaml:1:1: the file cannot be read\n/);
    folder.write("rules.yaml", rules.replace("cpu > 0.9", "cpu >"));
    const rule = await myelin(["rules", "test", folder.tests]);
    assert.match(rule.err, /^rules\.yaml:2:\d+: rule hot: expr: /);
    assert.equal((await myelin(["rules", "test", "--run", "(", wrong])).code, exitCodes.usage);
  });

  test("writes the result for machines: JSON, and JUnit's XML in a file", async () => {
    using folder = new Folder("firing");
    const file = folder.path("junit.xml");
    const { code, out } = await myelin(["rules", "test", "--json", "--junit", file, folder.tests]);
    assert.equal(code, exitCodes.failure);
    const result: unknown = JSON.parse(out);
    assert.ok(isJsonObject(result));
    assert.deepEqual([result["ok"], result["passed"], result["failed"]], [false, 1, 1]);
    const [first] = objectsOf(result["files"]);
    const [, failed] = objectsOf(first?.["tests"]);
    assert.partialDeepStrictEqual(failed, { name: "<cool> stays cool", line: 8, ok: false });
    const [failure] = objectsOf(failed?.["failures"]);
    assert.partialDeepStrictEqual(failure, {
      line: 10,
      at: "3s",
      expected: ["rule hot, agent a: firing"],
    });
    const xml = readFileSync(file, "utf8");
    assert.match(xml, /<testsuites name="myelin rules test" tests="2" failures="1" errors="0" /);
    assert.match(xml, /<testcase name="two seconds above 0\.9 are too hot" [^>]*\/>/);
    assert.match(xml, /<testcase name="&lt;cool&gt; stays cool" [^>]*>\n +<failure message="exp/);
    await myelin(["rules", "test", "--junit", file, folder.path("none.yaml")]);
    assert.match(readFileSync(file, "utf8"), /<error message="the file cannot be read">/);
    const nowhere = ["rules", "test", "--junit", folder.path("no/such/file"), folder.tests];
    assert.equal((await myelin(nowhere)).code, exitCodes.usage);
  });

  test("with --watch runs again when a file of tests or rules has changed, until it is stopped", async () => {
    using folder = new Folder("firing");
    const running = start(["rules", "test", "--watch", folder.tests]);
    await running.has("1 passed, 1 failed\n");
    await running.has("waiting for changes");
    folder.write("rules.test.yaml", tests.replace("STATE", "inactive"));
    await running.has("2 tests: 2 passed\n");
    folder.write("rules.yaml", "rules: 5");
    await running.has("rules.yaml:1:8: rules must be a list");
    folder.write("rules.yaml", rules.replace("2s", "9s"));
    await running.has("hot, agent a: pending");
    running.stop();
    assert.equal((await running.ended).code, exitCodes.success);
    assert.equal((await myelin(["rules", "test", "--watch", "-"])).code, exitCodes.usage);
  });
});
