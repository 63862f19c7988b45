// Commands that are wrong before anything runs: how they are told, and with which exit status.
import assert from "node:assert/strict";
import { test } from "node:test";
import { routes } from "./app.ts";
import { myelin } from "./commands/test-support.ts";
import { placesOf } from "./completions/index.ts";
import { exitCodes } from "./exit-codes.ts";

const wrong: readonly (readonly [words: string, message: string, hint: string])[] = [
  ["nonsense", "`myelin` has no command nonsense", "See `myelin --help`."],
  ["agnts --json", "`myelin` has no command agnts", "Did you mean `myelin agents`?"],
  ["rules aply", "`myelin rules` has no command aply", "Did you mean `myelin rules apply`?"],
  ["rule aply", "`myelin rule` has no command aply", "Did you mean `myelin rule apply`?"],
  ["rules nonsense", "`myelin rules` has no command nonsense", "See `myelin rules --help`."],
  ["apply", "`myelin` has no command apply", "Did you mean `myelin rules apply`?"],
  ["agent", "ID is missing", "See `myelin agent --help`."],
  ["agent a b", '"b" is more than the command takes', "See `myelin agent --help`."],
  ["agents --bogus", "there is no flag --bogus", "See `myelin agents --help`."],
  ["agents --jsn", "there is no flag --jsn", "Did you mean --json?"],
  ["agents -z", "there is no flag -z", "See `myelin agents --help`."],
  ["up --log-leve x", "there is no flag --log-leve", "Did you mean --log-level?"],
  ["up --logLeve x", "there is no flag --logLeve", "Did you mean --log-level?"],
  ["rules list --iff-match 1", "there is no flag --iff-match", "See `myelin rules list --help`."],
  ["rules apply --iff-match 1", "there is no flag --iff-match", "Did you mean --if-match?"],
  ["ledger --limit", "--limit needs a value", "See `myelin ledger --help`."],
  ["agents --url x --url y", "--url is given twice", "See `myelin agents --help`."],
  [
    "agents --json=maybe",
    '"maybe" for --json: Cannot convert maybe to a boolean',
    "See `myelin agents --help`.",
  ],
  [
    "completions fsh",
    '"fsh" for SHELL: there are no completions for fsh',
    "Name one of bash, zsh, fish.",
  ],
];

for (const [words, message, hint] of wrong) {
  test(`\`myelin ${words}\` is told with what to do, and exits 2`, async () => {
    const { code, out, err } = await myelin(words.split(" "));
    assert.equal(err, `error INVALID_ARGUMENT: ${message}\n  ${hint}\n`);
    assert.deepEqual([code, out], [exitCodes.usage, ""]);
  });
}

test("a flag that is written wrong by one letter is found, for every flag of every command", async () => {
  let count = 0;
  for (const { path, flags } of placesOf(routes)) {
    const [, ...words] = path.split(" ");
    for (const { name } of flags) {
      const written = `${name}x`;
      if (words.length === 0 || flags.some((flag) => flag.name === written)) continue;
      const { code, err } = await myelin([...words, written]);
      assert.equal(code, exitCodes.usage, path);
      assert.match(err, /^error INVALID_ARGUMENT: /, `${path} ${written}`);
      assert.match(err, /\n {2}Did you mean --[a-z][a-z-]+\?\n/, `${path} ${written}`);
      count += 1;
    }
  }
  assert.ok(count > 100, `only ${count} flags`);
});
