// Tokens by the command line, against a real node: what each role may, and when that ends.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Agent, type AgentStatus, connect } from "@myelin/agent";
import { MyelinError } from "@myelin/core/errors";
import { createLog, type RunningNode, startNode } from "@myelin/node";
import { exitCodes } from "../exit-codes.ts";
import { myelin, type Outcome, start } from "./test-support.ts";

test("a node is not started with an empty token, which would guard nothing", async () => {
  const { code, err } = await myelin(["up", "--port", "0", "--token", ""], {});
  assert.equal(code, exitCodes.usage);
  assert.match(err, /token: expects a secret/);
});

/** A node that was started with a token, and the command line with that token or another. */
class Guarded implements AsyncDisposable {
  readonly node: RunningNode;

  private constructor(node: RunningNode) {
    this.node = node;
  }

  static async start(token = "first"): Promise<Guarded> {
    const log = await createLog({ level: "error", isReadable: false });
    return new Guarded(
      await startNode({ port: 0, storage: "memory", log, ...(token === "" ? {} : { token }) }),
    );
  }

  env(token: string): Record<string, string> {
    return { MYELIN_URL: this.node.httpUrl, MYELIN_TOKEN: token };
  }

  myelin(args: readonly string[], token = "first"): Promise<Outcome> {
    return myelin(args, this.env(token));
  }

  /** Creates a token; resolves to its secret. */
  async token(...flags: readonly string[]): Promise<string> {
    const { code, out, err } = await this.myelin(["token", "create", ...flags]);
    assert.equal(code, 0, err);
    return out.trimEnd();
  }

  /** Resolves when the agent is live; rejects with why it is refused. */
  async join(token: string, id: string): Promise<Agent> {
    return await connect({ url: this.node.url, id, token, timeoutMs: 10_000 });
  }

  async codeOfJoin(token: string, id: string): Promise<string> {
    const thrown: unknown = await this.join(token, id).then(
      (agent) => agent.close(),
      (error: unknown) => error,
    );
    return thrown === undefined ? "live" : MyelinError.from(thrown).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.close();
  }
}

/** Resolves when the agent's connection is over for good. */
function closed(agent: Agent): Promise<AgentStatus & { readonly state: "closed" }> {
  return new Promise((resolve) => {
    const look = (status: AgentStatus): void => {
      if (status.state === "closed") resolve(status);
    };
    agent.onStatus(look);
    look(agent.status);
  });
}

suite("myelin token", () => {
  test("prints the secret alone on standard output, and what it is beside", async () => {
    await using guarded = await Guarded.start();
    const { code, out, err } = await guarded.myelin([
      "token",
      "create",
      "--role",
      "agent",
      "--agents",
      "w-*",
      "--expires",
      "90d",
      "--name",
      "w",
    ]);
    assert.equal(code, 0);
    assert.match(out, /^myl_[0-9a-z]{8}_[A-Za-z0-9_-]{43}\n$/);
    assert.match(
      err,
      /^token w of the role agent for w-\*, valid until \d{4}-.*not shown again\n$/,
    );
    const listed = await guarded.myelin(["token", "list"]);
    assert.match(listed.out, /^NAME +ID +ROLE +AGENTS +STATE +EXPIRES/);
    assert.match(listed.out, /^w +[0-9a-z]{8} +agent +w-\* +valid +\d{4}-/m);
    assert.ok(!listed.out.includes(out.trimEnd()));
    const json = await guarded.myelin(["token", "list", "--json"]);
    const [token] = JSON.parse(json.out) as Record<string, unknown>[];
    assert.deepEqual(
      [token?.["name"], token?.["state"], token?.["createdBy"], token?.["token"]],
      ["w", "valid", "token", undefined],
    );
  });

  test("says what is wrong, and what to write", async () => {
    await using guarded = await Guarded.start();
    const refused = async (code: number, message: RegExp, ...args: string[]): Promise<void> => {
      const outcome = await guarded.myelin(["token", ...args]);
      assert.equal(outcome.code, code, outcome.err);
      assert.match(outcome.err, message);
    };
    const { usage, failure, notFound } = exitCodes;
    await refused(usage, /--role/, "create");
    await refused(
      usage,
      /"king" is no value of --role\n {2}Write one of agent, operator, reader/,
      "create",
      "--role",
      "king",
    );
    await refused(usage, /needs the agents.*\n {2}Give a pattern/, "create", "--role", "agent");
    const reader = ["create", "--role", "reader"];
    await refused(usage, /for no agents\n {2}/, ...reader, "--agents", "w-*");
    await refused(usage, /"soon" is not a duration\n {2}Write/, ...reader, "--expires", "soon");
    await refused(usage, /no name of a token\n {2}A name/, ...reader, "--name", "a b");
    await guarded.token("--role", "reader", "--name", "looker");
    await refused(failure, /ALREADY_EXISTS.*\n {2}Give it another/, ...reader, "--name", "looker");
    await refused(notFound, /no token "nobody"\n {2}List the tokens/, "revoke", "nobody");
  });

  test("a reader reads, changes nothing, sees no tokens, and is no agent", async () => {
    await using guarded = await Guarded.start();
    const reader = await guarded.token("--role", "reader");
    for (const args of [["agents"], ["rules", "list"], ["ledger"], ["audit"], ["top", "--once"]])
      assert.equal((await guarded.myelin(args, reader)).code, 0, args.join(" "));
    for (const args of [
      ["send", "stop", "--to", "w-1"],
      ["rules", "delete", "hot"],
      ["enforce", "off"],
      ["token", "list"],
      ["token", "create", "--role", "operator"],
      ["agent", "w-1", "--forget"],
    ]) {
      const { code, err } = await guarded.myelin(args, reader);
      assert.equal(code, exitCodes.refused, args.join(" "));
      assert.match(err, /^error PERMISSION_DENIED: .*\n {2}Use a token of the role operator/);
    }
    assert.equal(await guarded.codeOfJoin(reader, "w-1"), "PERMISSION_DENIED");
  });

  test("an agent's token admits the agents of its pattern, and nobody to the API", async () => {
    await using guarded = await Guarded.start();
    const agent = await guarded.token("--role", "agent", "--agents", "w-*,robot-7");
    assert.equal(await guarded.codeOfJoin(agent, "w-1"), "live");
    assert.equal(await guarded.codeOfJoin(agent, "robot-7"), "live");
    assert.equal(await guarded.codeOfJoin(agent, "robot-70"), "PERMISSION_DENIED");
    for (const args of [["agents"], ["token", "list"], ["send", "stop", "--to", "w-1"]])
      assert.equal((await guarded.myelin(args, agent)).code, exitCodes.refused, args.join(" "));
  });

  test("an operator does everything, and by name", async () => {
    await using guarded = await Guarded.start();
    const operator = await guarded.token("--role", "operator", "--name", "ops");
    assert.equal(await guarded.codeOfJoin(operator, "w-1"), "live");
    assert.equal((await guarded.myelin(["enforce", "off"], operator)).code, 0);
    const { code } = await guarded.myelin(["token", "create", "--role", "reader"], operator);
    assert.equal(code, 0);
    const audit = await guarded.myelin(["audit", "--actor", "token:ops", "--json"], operator);
    const acts = (JSON.parse(audit.out) as { readonly act: string }[]).map(({ act }) => act);
    assert.deepEqual(acts, ["tokens.create", "enforcement.set"]);
  });

  test("revoking a token ends what it had admitted at once: sessions, and who watches", async () => {
    await using guarded = await Guarded.start();
    const ofAgents = await guarded.token("--role", "agent", "--agents", "*", "--name", "fleet");
    const reader = await guarded.token("--role", "reader", "--name", "looker");
    const agent = await guarded.join(ofAgents, "w-1");
    const watching = start(["watch"], guarded.env(reader));
    await watching.has("watching");
    const { code, out } = await guarded.myelin(["token", "revoke", "fleet"]);
    assert.equal(code, 0);
    assert.match(out, /^token fleet is revoked since \d{4}-.*, by token\n$/);
    assert.equal((await closed(agent)).cause?.code, "UNAUTHENTICATED");
    assert.equal((await guarded.myelin(["token", "revoke", "looker"])).code, 0);
    const watched = await watching.ended;
    assert.equal(watched.code, exitCodes.refused, watched.err);
    assert.equal(await guarded.codeOfJoin(ofAgents, "w-1"), "UNAUTHENTICATED");
    assert.equal((await guarded.myelin(["agents"], reader)).code, exitCodes.refused);
    assert.match((await guarded.myelin(["token", "list"])).out, /^fleet .* revoked /m);
  });

  test("an expired token ends what it had admitted, by itself", async () => {
    await using guarded = await Guarded.start();
    const token = await guarded.token("--role", "agent", "--agents", "*", "--expires", "1s");
    const agent = await guarded.join(token, "w-1");
    assert.equal((await closed(agent)).cause?.code, "UNAUTHENTICATED");
    assert.equal(await guarded.codeOfJoin(token, "w-1"), "UNAUTHENTICATED");
    const { out } = await guarded.myelin(["audit", "--act", "tokens.expire"]);
    assert.match(out, / node +tokens\.expire /);
    assert.match((await guarded.myelin(["token", "list"])).out, / expired /);
  });

  test("the last token by which an operator comes in is not revoked", async () => {
    await using guarded = await Guarded.start("");
    const env = (token: string): Record<string, string> => guarded.env(token);
    const early = await myelin(["token", "create", "--role", "reader"], env(""));
    assert.equal(early.code, exitCodes.failure);
    assert.match(early.err, /CONFLICT.*\n {2}Create a token of the role operator first/);
    const made = await myelin(["token", "create", "--role", "operator", "--name", "ops"], env(""));
    const ops = made.out.trimEnd();
    assert.equal((await myelin(["agents"], env(""))).code, exitCodes.refused);
    assert.equal((await myelin(["token", "create", "--role", "reader"], env(ops))).code, 0);
    const revoked = await myelin(["token", "revoke", "ops"], env(ops));
    assert.equal(revoked.code, exitCodes.failure);
    assert.match(revoked.err, /CONFLICT/);
  });
});
