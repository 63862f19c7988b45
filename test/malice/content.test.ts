// What can be done to a node by what frames, bodies, rule files and configurations hold.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { parseRuleFile } from "@myelin/core/rules";
import { encodingNames } from "@myelin/core/wire";
import { defaultLimits, defaultSessionSettings } from "@myelin/node";
import { readConfiguration } from "../../packages/cli/src/config/index.ts";
import { Arena } from "../fuzz/arena.ts";
import { corpus } from "../fuzz/corpus.ts";
import { piecesOf } from "../fuzz/pieces.ts";
import { binary, clientFrame, handshake, HostileNode, text } from "./hostile-node.ts";
import { Typist } from "./typist.ts";

suite("JSON nested ten thousands deep", () => {
  const depth = 20_000;
  const nestings: readonly (readonly [string, string])[] = [
    ["[".repeat(depth), "]".repeat(depth)],
    ['{"a":'.repeat(depth), "}".repeat(depth)],
  ];

  test("costs its sender its session as a frame, with PROTOCOL_ERROR, unless nobody asked for it", async (t) => {
    const hostile = await HostileNode.start(t);
    for (const [open, close] of nestings) {
      for (const [frame, fate] of [
        [`{"event":{"type":"x","attributes":{"a":${open}1${close}}}}`, "PROTOCOL_ERROR"],
        [`{"twin_delta":{"version":1,"patch":{"a":${open}1${close}}}}`, "PROTOCOL_ERROR"],
        [`{"unknown":${open}1${close}}`, undefined],
        [`{"event":{"type":"x","unknown":${open}1${close}}}`, undefined],
      ] as const) {
        const { typist } = await Typist.greet(hostile.node.url, { agent_id: "deep" });
        typist.sayText(frame);
        assert.equal(await typist.fate(), fate, frame.slice(0, 40));
        typist.close();
      }
    }
    await hostile.assertUnharmed();
  });

  test("is refused in every body of the API", async (t) => {
    const hostile = await HostileNode.start(t);
    const routes = [
      ["POST", "/api/v1/rules"],
      ["PUT", "/api/v1/rules"],
      ["POST", "/api/v1/instructions"],
      ["PUT", "/api/v1/enforcement"],
      ["POST", "/api/v1/tokens"],
    ] as const;
    for (const [open, close] of nestings) {
      for (const [method, path] of routes) {
        for (const body of [
          `${open}1${close}`,
          `{"rules":${open}1${close}}`,
          `{"to":"bystander","action":"work","args":{"a":${open}1${close}}}`,
        ]) {
          const answer = await hostile.call(method, path, { body });
          assert.equal(answer.status, 400, `${path} ${body.slice(0, 40)}: ${answer.body}`);
          assert.match(answer.body, /INVALID_ARGUMENT|RULE_INVALID/);
        }
      }
    }
    await hostile.assertUnharmed();
  });

  test("is refused in a rule file, as YAML too, and so are aliases that multiply", () => {
    for (const [open, close] of nestings) {
      for (const file of [`rules: ${open}1${close}`, `{"rules":${open}1${close}}`])
        assert.notDeepEqual(parseRuleFile(file).problems, []);
    }
    const laughs = Array.from(
      { length: 30 },
      (_, at) => `a${at + 1}: &a${at + 1} [${Array(9).fill(`*a${at}`).join(",")}]`,
    );
    const bomb = ["a0: &a0 x", ...laughs, "rules: [*a30]"].join("\n");
    assert.notDeepEqual(parseRuleFile(bomb).problems, []);
  });
});

suite("the keys __proto__, constructor and prototype", () => {
  const poison = '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}';

  function assertClean(): void {
    assert.equal(({} as Record<string, unknown>)["isAdmin"], undefined);
    assert.equal(Object.getPrototypeOf({}), Object.prototype);
  }

  test("in frames are data, and come back as such", async (t) => {
    const hostile = await HostileNode.start(t);
    const { typist } = await Typist.greet(hostile.node.url, { agent_id: "proto" });
    typist.sayText(`{"twin_delta":{"version":1,"is_full":true,"patch":${poison}}}`);
    typist.sayText(`{"twin_delta":{"version":2,"patch":{"__proto__":{"more":1}}}}`);
    typist.sayText(`{"event":{"type":"x","attributes":${poison}}}`);
    typist.sayText(`{"event":{"type":"__proto__","attributes":{}}}`);
    typist.sayText(
      `{"samples":{"names":[{"id":1,"name":"__proto__"}],"metrics":[1],"values":[1]}}`,
    );
    typist.sayText(`{"__proto__":{"hello":{}}}`);
    await typist.settled();
    const { body } = await hostile.call("GET", "/api/v1/agents/proto");
    assert.match(body, /"__proto__":\{"isAdmin":true,"more":1\}/);
    for (const name of ["__proto__", "constructor", "toString"]) {
      const labels = JSON.parse(`{"${name}":"x"}`);
      const hello = { agent_id: name === "__proto__" ? "underscored" : name, labels };
      const { typist: other } = await Typist.greet(hostile.node.url, hello);
      const answer = await hostile.call("GET", `/api/v1/agents/${hello.agent_id}`);
      assert.ok(answer.body.includes(`"labels":{"${name}":"x"}`), answer.body);
      other.close();
    }
    typist.close();
    assertClean();
    await hostile.assertUnharmed();
  });

  test("in bodies of the API are unknown fields, or data of args", async (t) => {
    const hostile = await HostileNode.start(t);
    const unknown = await hostile.call("POST", "/api/v1/instructions", {
      body: `{"to":"bystander","action":"work","__proto__":{"durability":"memory"}}`,
    });
    assert.equal(unknown.status, 400);
    assert.match(unknown.body, /unknown field \\"__proto__\\"/);
    const inherited = await hostile.call("POST", "/api/v1/instructions", {
      body: `{"constructor":"x","to":"bystander","action":"work"}`,
    });
    assert.equal(inherited.status, 400);
    const sent = await hostile.call("POST", "/api/v1/instructions", {
      body: `{"to":"bystander","action":"work","args":${poison}}`,
    });
    assert.equal(sent.status, 200, sent.body);
    assertClean();
    await hostile.assertUnharmed();
  });

  test("in rule files and in the configuration are unknown keys", async (t) => {
    for (const file of [
      `rules:\n  - name: a\n    expr: b > 1\n    action: c\n    __proto__: { mode: shadow }\n`,
      `{"rules":[{"name":"a","expr":"b > 1","action":"c","constructor":{"x":1}}]}`,
      `__proto__:\n  rules: []\n`,
    ]) {
      const { problems } = parseRuleFile(file);
      assert.notDeepEqual(problems, [], file);
    }
    for (const line of [`__proto__: { port: 1 }`, `limits: { __proto__: 1 }`, `constructor: 1`])
      await assert.rejects(configured(t, line), { code: "INVALID_ARGUMENT" });
    assertClean();
  });
});

/** Reads a configuration of one line. */
function configured(t: TestContext, line: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "myelin-malice-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "myelin.yaml");
  writeFileSync(file, line);
  return readConfiguration({
    flags: { config: file },
    environment: {},
    bounds: { session: { ...defaultSessionSettings }, limits: { ...defaultLimits } },
  });
}

test("texts that are no UTF-8 are refused: in frames, bodies and paths", async (t) => {
  const hostile = await HostileNode.start(t);
  const broken = [
    Buffer.from([0xff]),
    Buffer.from([0xc0, 0x80]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0xf4, 0x90, 0x80, 0x80]),
    Buffer.from([0xe2, 0x82]),
  ];
  await Promise.all(
    broken.map(async (bytes) => {
      const before = Buffer.from('{"hello":{"agent_id":"');
      const json = Buffer.concat([before, bytes, Buffer.from('"}}')]);
      const asText = await hostile.say(handshake("myelin.v1.json"), clientFrame(text, json));
      // 1007 is the close code of a text that is no UTF-8.
      assert.ok(asText.includes("\u0003\u00ef"), JSON.stringify(asText));
      const id = Buffer.concat([Uint8Array.of(0x12, bytes.length), bytes]);
      const hello = Buffer.concat([Uint8Array.of(0x12, id.length), id]);
      const proto = Buffer.concat([Uint8Array.of(0x0a, hello.length), hello]);
      const asBinary = await hostile.say(handshake("myelin.v1.proto"), clientFrame(binary, proto));
      assert.match(asBinary, /PROTOCOL_ERROR|INVALID_ARGUMENT/);
      const body = Buffer.concat([Buffer.from('{"to":"'), bytes, Buffer.from('"}')]);
      const answer = await hostile.call("POST", "/api/v1/instructions", { body });
      assert.equal(answer.status, 400);
    }),
  );
  for (const path of ["/api/v1/agents/%ff", "/api/v1/agents/%c0%80", "/api/v1/agents/%"]) {
    const answer = await hostile.call("GET", path);
    assert.equal(answer.status, 400, path);
  }
  await hostile.assertUnharmed();
});

const doubles: readonly number[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  5e-324,
  -0,
  -1,
  2 ** 53,
  -(2 ** 63),
];

/** A number in the form of an encoding's piece of that kind. */
const written: Readonly<Record<string, (value: number) => Buffer>> = {
  proto: (value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return bytes;
  },
  msgpack: (value) => {
    const bytes = Buffer.alloc(9, 0xcb);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  },
  json: (value) => Buffer.from(JSON.stringify(Number.isFinite(value) ? value : String(value))),
};

for (const encoding of encodingNames) {
  test(`NaN, infinities and huge numbers in every number of every frame harm nobody, in ${encoding}`, async () => {
    const arena = await Arena.open();
    let count = 0;
    for (const [made, frame] of corpus) {
      const pieces = piecesOf(encoding, frame);
      for (const [at, kind] of pieces.kinds.entries()) {
        if (kind !== "double" && (kind !== "number" || encoding === "proto")) continue;
        for (const value of doubles) {
          const bytes = pieces.spoiled(at, () => written[encoding]?.(value) ?? Buffer.alloc(0));
          arena.attack({ encoding, bytes, isFirst: made.startsWith("hello"), made });
          count++;
        }
        await arena.check();
      }
    }
    assert.ok(count > 300, `${count} frames`);
  });
}

test("NaN and infinities are refused where a number must be one, and what the node tells stays JSON", async (t) => {
  const hostile = await HostileNode.start(t);
  for (const value of ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"]) {
    for (const body of [
      `{"to":"bystander","action":"work","priority":${value}}`,
      `{"to":"bystander","action":"work","args":{"a":[{"b":${value}}]}}`,
    ]) {
      const answer = await hostile.call("POST", "/api/v1/instructions", { body });
      assert.equal(answer.status, 400, `${body}: ${answer.body}`);
    }
    for (const query of [`limit=${value}`, `since=${value}`]) {
      const answer = await hostile.call("GET", `/api/v1/instructions?${query}`);
      assert.equal(answer.status, 400, `${query}: ${answer.body}`);
    }
  }
  const { typist } = await Typist.greet(hostile.node.url, { agent_id: "numbers" });
  typist.say([
    {
      samples: {
        names: [{ id: 1, name: "odd" }],
        metrics: [1, 1, 1],
        values: ["NaN", "Infinity", "-Infinity"],
      },
    },
  ]);
  await typist.settled();
  for (const odd of ["NaN", "Infinity", "-Infinity", "1e999"]) {
    for (const frame of [
      { event: { type: "odd", time_us: odd } },
      { twin_delta: { version: 1, is_full: true, patch: {}, time_us: odd } },
      { ping: { sent_at_us: odd } },
      { samples: { metrics: [1], values: [1], base_time_us: odd } },
      { samples: { metrics: [1, 1], values: [1, 1], offsets_us: [0, odd] } },
      { hello: { agent_id: "other", sent_at_us: odd } },
    ]) {
      const { typist: other } = await Typist.greet(hostile.node.url, { agent_id: "other" });
      other.say(frame);
      assert.equal(await other.fate(), "PROTOCOL_ERROR", JSON.stringify(frame));
    }
  }
  for (const path of ["/api/v1/agents/numbers", "/api/v1/top", "/api/v1/node", "/api/v1/ledger"]) {
    const { status, body } = await hostile.call("GET", path);
    assert.equal(status, 200);
    assert.doesNotThrow(() => JSON.parse(body), path);
  }
  const metrics = await hostile.call("GET", "/metrics");
  assert.doesNotMatch(metrics.body, / (?:NaN|\+?-?Inf)\w*$/m);
  await hostile.assertUnharmed();
});
