// What zsh and fish propose, asked in the shells themselves.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, suite, test } from "node:test";
import { fileURLToPath } from "node:url";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "myelin-completions-"));
after(() => rmSync(folder, { recursive: true }));
const proposals = join(folder, "proposals");

function run(shell: "zsh" | "fish", code: string): string {
  const env = { ...process.env, HOME: folder, TERM: "dumb" };
  return execFileSync(shell, ["-c", code], { encoding: "utf8", cwd: folder, env, timeout: 60_000 });
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

for (const shell of ["zsh", "fish"]) {
  const text = execFileSync(process.execPath, [mainPath, "completions", shell]);
  writeFileSync(join(folder, `completions.${shell}`), text);
}

/** Keeps what is proposed at the Tab that follows, then ends. */
const inner = `
PROMPT=
autoload -Uz compinit && compinit -D -u
source ${folder}/completions.zsh
bindkey '^I' complete-word
compadd() {
  local -a found
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)* ]]; then
    builtin compadd -A found "$@"
    print -rl -- $found >> ${proposals}
  fi
  builtin compadd "$@"
}
comppostfuncs=(exit)
print -r -- re''ady
`;
writeFileSync(join(folder, "inner.zsh"), inner);

/** What zsh proposes at a Tab behind a line that somebody types. */
function inZsh(line: string): string[] {
  writeFileSync(proposals, "");
  run(
    "zsh",
    `zmodload zsh/zpty
     zpty typist zsh -f -i
     zpty -w typist 'source ${folder}/inner.zsh'
     zpty -r typist said '*ready*'
     zpty -n -w typist ${JSON.stringify(line)}$'\\t'
     while zpty -r typist said; do :; done`,
  );
  return linesOf(readFileSync(proposals, "utf8"));
}

/** What fish proposes for the last word of a line. */
function inFish(line: string): string[] {
  const answer = run("fish", `source ${folder}/completions.fish; complete -C '${line}'`);
  return linesOf(answer).map((proposal) => proposal.split("\t")[0] ?? "");
}

for (const [shell, proposed] of [
  ["zsh", inZsh],
  ["fish", inFish],
] as const) {
  suite(`${shell} proposes for myelin`, () => {
    test("the commands, and those that begin like this", () => {
      const commands = proposed("myelin ");
      for (const name of ["up", "agents", "rules", "completions"])
        assert.ok(commands.includes(name), `${name} of ${commands.join(" ")}`);
      assert.deepEqual(proposed("myelin ru").toSorted(), ["rules", "run"]);
      assert.ok(proposed("myelin rules ").includes("apply"));
    });

    test("the flags of a command", () => {
      const flags = proposed("myelin up --allow").toSorted();
      assert.deepEqual(flags, ["--allow-host", "--allow-origin"]);
      assert.ok(proposed("myelin rules apply --u").includes("--url"));
    });

    test("the values of a flag, and what a command takes, where they are few", () => {
      const tiers = proposed("myelin up --tier ").toSorted();
      assert.deepEqual(tiers, ["cloud", "device", "edge"]);
      const shells = proposed("myelin completions ").toSorted();
      assert.deepEqual(shells, ["bash", "fish", "zsh"]);
    });

    test("files, where a command takes one", () => {
      writeFileSync(join(folder, "rules-of-mine.yaml"), "");
      assert.deepEqual(proposed("myelin rules apply rules-of"), ["rules-of-mine.yaml"]);
    });
  });
}

test("zsh finds nothing wrong with its script, and knows its function", () => {
  const code = `autoload -Uz compinit && compinit -D -u; source completions.zsh; print $_comps[myelin]`;
  assert.equal(run("zsh", code), "_myelin\n");
  execFileSync("zsh", ["-n", join(folder, "completions.zsh")]);
});
