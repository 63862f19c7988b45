import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Shell, shells } from "./index.ts";

const mainPath = fileURLToPath(new URL("../main.ts", import.meta.url));

suite("completions", () => {
  let folder = "";
  const script = (shell: Shell): string => join(folder, `completions.${shell}`);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "myelin-completions-"));
    for (const shell of shells) {
      const text = execFileSync(process.execPath, [mainPath, "completions", shell]);
      writeFileSync(script(shell), text);
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  const run = (shell: Shell, code: string): string[] =>
    execFileSync(shell, ["-c", code], { encoding: "utf8", cwd: folder })
      .split("\n")
      .filter((line) => line !== "");

  /** What bash proposes for the last word. */
  const inBash = (...words: readonly string[]): string[] =>
    run(
      "bash",
      `source "${script("bash")}"
       COMP_WORDS=(${words.map((word) => `"${word}"`).join(" ")}); COMP_CWORD=${words.length - 1}
       _myelin; printf '%s\\n' "\${COMPREPLY[@]}"`,
    );

  suite("in bash", () => {
    test("are the commands, and those that begin like this", () => {
      const commands = inBash("myelin", "");
      for (const name of ["up", "agents", "rules", "completions"])
        assert.ok(commands.includes(name), name);
      assert.deepEqual(inBash("myelin", "com"), ["completions"]);
      assert.ok(inBash("myelin", "rules", "").includes("apply"));
    });

    test("are the flags of a command", () => {
      assert.deepEqual(inBash("myelin", "up", "--allow"), ["--allow-origin", "--allow-host"]);
      assert.ok(inBash("myelin", "rules", "apply", "--").includes("--url"));
      assert.deepEqual(inBash("myelin", "up", "--data", "x", "--log"), ["--log-level"]);
    });

    test("are the values of a flag, where they are few", () => {
      assert.deepEqual(inBash("myelin", "up", "--tier", ""), ["device", "edge", "cloud"]);
      assert.deepEqual(inBash("myelin", "up", "--data", ""), []);
      assert.deepEqual(inBash("myelin", "rules", "apply", "--pack", ""), ["process", "llm"]);
    });

    test("are the same under another name of a command", () => {
      assert.deepEqual(inBash("myelin", "rule", "apply", "--pack", "l"), ["llm"]);
      assert.deepEqual(inBash("myelin", "rule", "packs", "p"), ["process"]);
    });

    test("are what a command takes, where that is one of few", () => {
      assert.deepEqual(inBash("myelin", "completions", ""), ["bash", "zsh", "fish"]);
      assert.deepEqual(inBash("myelin", "completions", "z"), ["zsh"]);
      assert.deepEqual(inBash("myelin", "completions", "--"), ["--help"]);
      assert.deepEqual(inBash("myelin", "completions", "zsh", ""), []);
    });

    test("are the shell's own where a command takes what it likes, and behind --", () => {
      assert.deepEqual(inBash("myelin", "rules", "apply", "r"), []);
      assert.deepEqual(inBash("myelin", "run", "--", "--"), []);
    });

    test("make a script that bash finds nothing wrong with", () => {
      execFileSync("bash", ["-n", script("bash")]);
    });
  });

  test("are not there for other shells", () => {
    const { status, stderr } = spawnSync(process.execPath, [mainPath, "completions", "csh"]);
    assert.equal(status, 2);
    assert.match(stderr.toString(), /bash, zsh/);
  });
});
