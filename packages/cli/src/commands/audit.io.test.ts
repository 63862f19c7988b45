import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "@myelin/agent";
import { createLog, startNode } from "@myelin/node";
import { exitCodes } from "../exit-codes.ts";
import { myelin } from "./test-support.ts";

const log = await createLog({ level: "error", isReadable: false });

test("the audit tells who did what and who was refused, newest first, and can be narrowed", async () => {
  const node = await startNode({ port: 0, storage: "memory", token: "first", log });
  const env = { MYELIN_URL: node.httpUrl, MYELIN_TOKEN: "first" };
  try {
    const made = await myelin(["token", "create", "--role", "reader", "--name", "looker"], env);
    const reader = { ...env, MYELIN_TOKEN: made.out.trimEnd() };
    await myelin(["enforce", "off", "--reason", "drill"], env);
    await myelin(["enforce", "on"], reader);
    await myelin(["agents"], { ...env, MYELIN_TOKEN: "wrong" });

    const all = await myelin(["audit"], reader);
    assert.equal(all.code, 0, all.err);
    const lines = all.out.trimEnd().split("\n");
    assert.match(lines[0] ?? "", /^TIME +ACTOR +ACT +SUBJECT +OUTCOME +FROM +DETAILS$/);
    assert.deepEqual(
      lines.slice(1).map((line) => line.split(/ {2,}/).slice(1, 3)),
      [
        ["anyone", "GET /api/v1/agents"],
        ["token:looker", "enforcement.set"],
        ["token", "enforcement.set"],
        ["token", "tokens.create"],
      ],
    );
    assert.match(all.out, /refused UNAUTHENTICATED +127\.0\.0\.1/);

    const of = async (...flags: string[]): Promise<string[]> => {
      const { out, err } = await myelin(["audit", "--json", ...flags], reader);
      assert.equal(err.replace(/^warning: .*\n/, ""), "");
      return (JSON.parse(out) as { actor: string; act: string }[]).map(
        ({ actor, act }) => `${actor} ${act}`,
      );
    };
    assert.deepEqual(await of("--outcome", "refused", "--limit", "1"), [
      "anyone GET /api/v1/agents",
    ]);
    assert.deepEqual(await of("--act", "enforcement.set", "--outcome", "done"), [
      "token enforcement.set",
    ]);
    assert.deepEqual(await of("--subject", "looker"), ["token tokens.create"]);
    assert.deepEqual(await of("--actor", "token:looker"), ["token:looker enforcement.set"]);
    assert.equal((await of("--since", "1h")).length, 4);
    assert.deepEqual(await of("--until", "1h"), []);
    assert.deepEqual(await of("--since", "2199-01-01T00:00:00Z"), []);
    assert.equal((await myelin(["audit", "--until", "1h"], reader)).out, "no entries\n");
  } finally {
    await node.close();
  }
});

test("who was refused is named by the token that was shown, also by one that has ended", async () => {
  const node = await startNode({ port: 0, storage: "memory", token: "first", log });
  const env = { MYELIN_URL: node.httpUrl, MYELIN_TOKEN: "first" };
  try {
    const make = ["token", "create", "--role", "agent", "--agents", "w-*", "--name", "w"];
    const token = (await myelin(make, env)).out.trimEnd();
    const refuse = async (): Promise<void> =>
      await assert.rejects(connect({ url: node.url, id: "robot", token, timeoutMs: 10_000 }));
    await refuse();
    await myelin(["token", "revoke", "w"], env);
    await refuse();
    await myelin(["agents"], { ...env, MYELIN_TOKEN: token });
    const { out } = await myelin(["audit", "--outcome", "refused", "--json"], env);
    const entries = JSON.parse(out) as { actor: string; act: string; code: string }[];
    assert.deepEqual(
      entries.map(({ actor, act, code }) => [actor, act, code]),
      [
        ["token:w", "GET /api/v1/agents", "UNAUTHENTICATED"],
        ["token:w", "sessions.open", "UNAUTHENTICATED"],
        ["token:w", "sessions.open", "PERMISSION_DENIED"],
      ],
    );
  } finally {
    await node.close();
  }
});

test("a rule file that is refused is one entry, with the names of its rules", async () => {
  const node = await startNode({ port: 0, storage: "memory", log });
  const env = { MYELIN_URL: node.httpUrl };
  const folder = await mkdtemp(join(tmpdir(), "myelin-audit-"));
  try {
    const file = join(folder, "rules.yaml");
    const good = "# comment\nrules:\n  - { name: good, expr: a > 1, action: stop }\n";
    await writeFile(file, `${good}  - { name: bad, expr: a >, action: stop }\n`);
    const { code, err } = await myelin(["rules", "apply", file], env);
    assert.equal(code, exitCodes.usage);
    assert.match(err, /^error RULE_INVALID: rule bad, line 4, column 27: /);
    await writeFile(file, good);
    assert.equal((await myelin(["rules", "apply", file, "--if-match", '"other"'], env)).code, 1);
    const { out } = await myelin(["audit", "--json"], env);
    const entries = JSON.parse(out) as { act: string; subject: string; code: string }[];
    assert.deepEqual(
      entries.map(({ act, subject, code: why }) => [act, subject, why]),
      [
        ["rules.apply", "good", "PRECONDITION_FAILED"],
        ["rules.apply", "good bad", "RULE_INVALID"],
      ],
    );
  } finally {
    await node.close();
    await rm(folder, { recursive: true });
  }
});

test("more entries than one answer holds are read page by page", async () => {
  const node = await startNode({ port: 0, storage: "memory", log });
  const env = { MYELIN_URL: node.httpUrl };
  try {
    const body = JSON.stringify({ isOn: true });
    const act = (): Promise<Response> =>
      fetch(new URL("/api/v1/enforcement", node.httpUrl), { method: "PUT", body });
    for (let count = 0; count < 1005; count += 67)
      await Promise.all(Array.from({ length: 67 }, act));
    const { out } = await myelin(["audit", "--limit", "1003", "--json"], env);
    assert.equal((JSON.parse(out) as unknown[]).length, 1003);
  } finally {
    await node.close();
  }
});

test("a filter that is none is a wrong command", async () => {
  for (const flags of [
    ["--outcome", "well"],
    ["--limit", "0"],
    ["--since", "1 h"],
    ["--since", "1y"],
  ]) {
    const { code } = await myelin(["audit", ...flags], { MYELIN_URL: "http://127.0.0.1:9" });
    const isSeenByTheNode = flags[1] === "1 h";
    assert.equal(code, isSeenByTheNode ? exitCodes.unavailable : exitCodes.usage, flags.join(" "));
  }
});
