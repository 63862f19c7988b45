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

/** Why a shell's completions cannot be tried here; false where they can. */
function whyNot(shell: Shell): string | false {
  return spawnSync(shell, ["-c", "exit 0"]).status === 0 ? false : `${shell} is not installed`;
}

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
  /** What fish proposes for the last word of a line. */
  const inFish = (line: string): string[] =>
    run("fish", `source "${script("fish")}"; complete -C '${line}'`).map(
      (proposal) => proposal.split("\t")[0] ?? "",
    );

  suite("in bash", { skip: whyNot("bash") }, () => {
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
    });

    test("are the shell's own where a command takes what it likes, and behind --", () => {
      assert.deepEqual(inBash("myelin", "rules", "apply", "r"), []);
      assert.deepEqual(inBash("myelin", "run", "--", "--"), []);
    });

    test("make a script that bash finds nothing wrong with", () => {
      execFileSync("bash", ["-n", script("bash")]);
    });
  });

  suite("in zsh", { skip: whyNot("zsh") }, () => {
    test("make a script that zsh finds nothing wrong with", () => {
      execFileSync("zsh", ["-n", script("zsh")]);
    });

    test("are given by a function that is known once the script is read", () => {
      const code = `autoload -Uz compinit && compinit -D; source "${script("zsh")}"; print $_comps[myelin]`;
      assert.deepEqual(run("zsh", code), ["_myelin"]);
    });
  });

  suite("in fish", { skip: whyNot("fish") }, () => {
    test("are commands, flags and values", () => {
      assert.ok(inFish("myelin ").includes("doctor"));
      assert.ok(inFish("myelin rules ").includes("apply"));
      assert.deepEqual(inFish("myelin up --allow"), ["--allow-host", "--allow-origin"]);
      assert.deepEqual(inFish("myelin up --tier ").toSorted(), ["cloud", "device", "edge"]);
    });
  });

  test("are not there for other shells", () => {
    const { status, stderr } = spawnSync(process.execPath, [mainPath, "completions", "csh"]);
    assert.equal(status, 2);
    assert.match(stderr.toString(), /bash, zsh/);
  });
});
