// What can be done to a node by names that are none, and in the name of others.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { HostileNode } from "./hostile-node.ts";
import { Typist } from "./typist.ts";

const hello = (agent: string, more: Readonly<Record<string, unknown>> = {}) => ({
  agent_id: agent,
  incarnation: `life-of-${agent}`,
  actions: [{ name: "work" }],
  ...more,
});

suite("names of every length", () => {
  const long = 65_536;
  /** What has a name, how long it may be, and a frame that uses one. */
  const named: readonly (readonly [
    what: string,
    least: number,
    most: number,
    frame: (name: string) => unknown,
  ])[] = [
    ["an agent", 1, 128, (name) => ({ hello: { agent_id: name } })],
    ["a part", 1, 32, (name) => ({ hello: hello("named", { part: name }) })],
    ["an incarnation", 1, 64, (name) => ({ hello: hello("named", { incarnation: name }) })],
    ["an action", 1, 64, (name) => ({ hello: hello("named", { actions: [{ name }] }) })],
    ["a type", 0, 256, (name) => ({ hello: hello("named", { agent_type: name }) })],
    ["a label", 1, 256, (name) => ({ hello: hello("named", { labels: { [name]: "x" } }) })],
    ["a label's value", 0, 256, (name) => ({ hello: hello("named", { labels: { zone: name } }) })],
    ["a capability", 1, 256, (name) => ({ hello: hello("named", { capabilities: [name] }) })],
    [
      "a metric",
      1,
      128,
      (name) => [
        { hello: hello("named") },
        { samples: { names: [{ id: 1, name }], metrics: [1], values: [1] } },
      ],
    ],
  ];
  for (const [what, least, most, frame] of named) {
    test(`${what} is taken from ${least} to ${most} characters, and refused beyond`, async (t) => {
      const hostile = await HostileNode.start(t);
      for (const length of [0, 1, most, most + 1, long]) {
        const typist = await Typist.open(hostile.node.url);
        typist.say(frame("a".repeat(length)));
        const fate = await typist.fate();
        // What is empty is as if it were left out, and has a default where the schema gives one.
        const isTaken = length === 0 ? fate === undefined || least > 0 : length <= most;
        if (isTaken && length > 0) assert.equal(fate, undefined, `${length}`);
        if (!isTaken)
          assert.match(fate ?? "taken", /INVALID_ARGUMENT|PROTOCOL_ERROR|PAYLOAD/, `${length}`);
        typist.close();
      }
      await hostile.assertUnharmed();
    });
  }

  test("of rules, actions, agents, ids and keys in the API are refused by INVALID_ARGUMENT or not found", async (t) => {
    const hostile = await HostileNode.start(t);
    for (const length of [0, 65, 129, 201, long]) {
      const name = "a".repeat(length);
      const bodies: readonly (readonly [string, unknown])[] = [
        ["/api/v1/rules", { rules: [{ name, expr: "a > 1", action: "b" }] }],
        ["/api/v1/rules", { rules: [{ name: "r", expr: "a > 1", action: name }] }],
        ["/api/v1/instructions", { to: "bystander", action: name }],
        ...(length <= 200 ? [] : [["/api/v1/instructions", { to: name, action: "work" }] as const]),
      ];
      for (const [path, body] of bodies) {
        const answer = await hostile.call("POST", path, { body: JSON.stringify(body) });
        assert.ok(answer.status >= 400 && answer.status < 500, `${path} ${length}: ${answer.body}`);
      }
      if (length === 0 || length === long) continue;
      for (const path of [`rules/${name}`, `agents/${name}`, `instructions/${name}`]) {
        const answer = await hostile.call("GET", `/api/v1/${path}`);
        assert.ok([400, 404].includes(answer.status), `${path}: ${answer.status}`);
      }
    }
    await hostile.assertUnharmed();
  });
});

test("a forged resume token opens a session of its own at most, and never another's", async (t) => {
  const hostile = await HostileNode.start(t);
  const { typist: victim, welcome } = await Typist.greet(hostile.node.url, hello("victim"));
  const forged = [
    { session_id: welcome.session_id, resume_token: "x".repeat(32) },
    { session_id: welcome.session_id, resume_token: welcome.resume_token.slice(0, -1) },
    { session_id: welcome.session_id, resume_token: `${welcome.resume_token}x` },
    { session_id: welcome.session_id, resume_token: "" },
    { session_id: "x".repeat(22), resume_token: welcome.resume_token },
    { session_id: "__proto__", resume_token: welcome.resume_token },
    // The true one, in the hand of another agent.
    { session_id: welcome.session_id, resume_token: welcome.resume_token },
  ];
  for (const resume of forged) {
    const { typist, welcome: own } = await Typist.greet(
      hostile.node.url,
      hello("mallory", { resume }),
    );
    assert.equal(own.is_resumed ?? false, false);
    assert.notEqual(own.session_id, welcome.session_id);
    typist.close();
  }
  assert.equal(await victim.fate(), undefined);
  victim.close();
  await hostile.assertUnharmed();
});

/** Sends an instruction to an agent that will not answer by itself, and gives its id. */
async function send(hostile: HostileNode, to: string): Promise<string> {
  const body = JSON.stringify({ to, action: "work", wait: "0s", deadline: "60s" });
  const answer = await hostile.call("POST", "/api/v1/instructions", { body });
  assert.ok(answer.status === 200 || answer.status === 202, answer.body);
  return JSON.parse(answer.body).instructions[0].id as string;
}

async function statusOf(hostile: HostileNode, id: string): Promise<string> {
  const { body } = await hostile.call("GET", `/api/v1/instructions/${id}`);
  return JSON.parse(body).status as string;
}

test("acknowledgements of another's instructions change nothing, whatever they claim", async (t) => {
  const hostile = await HostileNode.start(t);
  const { typist: victim } = await Typist.greet(hostile.node.url, hello("victim"));
  const { typist: mallory } = await Typist.greet(hostile.node.url, hello("mallory"));
  const id = await send(hostile, "victim");
  assert.equal((await victim.next("instruction")).id, id);
  const episode = {
    rule: "probe",
    rule_version: 1,
    meaning_version: 1,
    time_line: "t",
    started_at_us: 1,
    attempt: 1,
  };
  for (const status of ["received", "executed", "failed", "rejected", "expired"]) {
    mallory.say({ acknowledgement: { instruction_id: id, status } });
    mallory.say({ acknowledgement: { instruction_id: id, status, episode } });
    const outcomes = [{ instruction_id: id, status, result: { forged: true } }];
    mallory.say({ hello: hello("mallory", { outcomes }) });
  }
  mallory.say({ acknowledgement: { instruction_id: "x".repeat(22), status: "executed" } });
  mallory.say({ acknowledgement: { instruction_id: "../../x", status: "executed" } });
  assert.equal(await mallory.fate(), undefined);
  assert.ok(["sent", "accepted", "received"].includes(await statusOf(hostile, id)));
  victim.say({ acknowledgement: { instruction_id: id, status: "executed" } });
  await victim.next("settlement");
  const { body } = await hostile.call("GET", `/api/v1/instructions/${id}`);
  const { status, result } = JSON.parse(body);
  assert.deepEqual([status, result ?? null], ["executed", null]);
  victim.close();
  mallory.close();
  await hostile.assertUnharmed();
});

test("replayed frames are passed over: telemetry counts once, and an outcome cannot be changed", async (t) => {
  const hostile = await HostileNode.start(t);
  const { typist } = await Typist.greet(hostile.node.url, hello("replayed"));
  const telemetry = {
    operations: [{ event: { type: "once" } }],
    telemetry_sequence: 1,
  };
  for (let times = 0; times < 5; times++) typist.say(telemetry);
  await typist.settled();
  const { body } = await hostile.call("GET", "/metrics");
  assert.match(body, /^myelin_events_received_total 1$/m);
  const id = await send(hostile, "replayed");
  await typist.next("instruction");
  typist.say({ acknowledgement: { instruction_id: id, status: "executed", result: { n: 1 } } });
  await typist.next("settlement");
  for (const status of ["received", "failed", "rejected", "executed"])
    typist.say({ acknowledgement: { instruction_id: id, status, result: { n: 2 } } });
  await typist.settled();
  const told = await hostile.call("GET", `/api/v1/instructions/${id}`);
  const { status, result } = JSON.parse(told.body);
  assert.deepEqual([status, result], ["executed", { n: 1 }]);
  typist.close();
  await hostile.assertUnharmed();
});

const controls =
  'a\r\nlevel: fatal\u0000\u001b[2J\u0007\u009b31m\u2028\u202e"\\} 1\nmyelin_forged 1';

test("control characters stay within their line of the log and of the metrics", async (t) => {
  const hostile = await HostileNode.start(t);
  for (const bad of ["a\r\nb", "a\u0000b", "a\u001b[2Jb", "a b", 'a"b', "a\u2028b"]) {
    const typist = await Typist.open(hostile.node.url);
    typist.say({ hello: { agent_id: bad } });
    assert.match((await typist.goodbye()) ?? "", /INVALID_ARGUMENT|PROTOCOL_ERROR/);
  }
  const { typist } = await Typist.greet(
    hostile.node.url,
    hello("controlled", { labels: { zone: controls }, agent_type: controls, tier: "edge" }),
  );
  typist.say({ event: { type: "x", attributes: { [controls]: controls } } });
  const id = await send(hostile, "controlled");
  await typist.next("instruction");
  const error = { code: "INTERNAL", message: controls };
  typist.say({ acknowledgement: { instruction_id: id, status: "failed", error } });
  await typist.next("settlement");
  typist.say({ goodbye: { code: "INVALID_ARGUMENT", message: controls } });
  await typist.goodbye();
  assert.ok(
    hostile.log.some((line) => line.includes("level: fatal")),
    "the texts are in the log",
  );
  for (const line of hostile.log) {
    assert.equal(line.indexOf("\n"), line.length - 1);
    assert.doesNotThrow(() => JSON.parse(line));
    // oxlint-disable-next-line no-control-regex -- what would steer a terminal is what is sought
    assert.doesNotMatch(line.slice(0, -1), /[\u0000-\u001f]/);
  }
  const { body } = await hostile.call("GET", "/metrics");
  assert.doesNotMatch(body, /^myelin_forged/m);
  for (const line of body.split("\n")) assert.match(line, /^(?:#.*|[a-z_0-9]+(?:\{.*\})? \S+|)$/);
});

test("paths in ids lead nowhere: they are refused, or names like any other", async (t) => {
  const hostile = await HostileNode.start(t);
  const tricks = ["..", "../x", "..%2fx", "%2e%2e%2fx", "x%00", "x%00.db", "/etc/passwd", "..\\x"];
  for (const trick of tricks) {
    const typist = await Typist.open(hostile.node.url);
    typist.say({ hello: hello(trick) });
    assert.match((await typist.fate()) ?? "taken", /INVALID_ARGUMENT|PROTOCOL_ERROR/, trick);
    const encoded = encodeURIComponent(trick);
    for (const group of ["agents", "rules", "instructions"]) {
      for (const id of new Set([encoded, trick.replaceAll("/", "%2f").replaceAll("\\", "%5c")])) {
        const raw = `GET /api/v1/${group}/${id} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
        const answer = await hostile.say(raw);
        assert.match(answer, /^HTTP\/1\.1 40[04] /, `${group} ${id}: ${answer.slice(0, 80)}`);
        assert.doesNotMatch(answer, /root:/);
      }
    }
  }
  for (const path of ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"]) {
    const raw = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    assert.match(await hostile.say(raw), /^HTTP\/1\.1 404 /, path);
  }
  await hostile.assertUnharmed();
});
