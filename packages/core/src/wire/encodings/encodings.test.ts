import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { MyelinError } from "../../errors/index.ts";
import { frame, type PlainFrame, readPlain, visitPlain, writePlain } from "../test-support.ts";
import { encodingNamed, encodingNames, type EncodingName } from "./index.ts";

const nowUs = 1_790_000_000_000_000;
const translated: readonly EncodingName[] = ["msgpack", "json"];

function read(name: EncodingName, bytes: Uint8Array): PlainFrame {
  return visitPlain((visitor) => encodingNamed(name).read(bytes, visitor, nowUs));
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function readJson(value: unknown): PlainFrame {
  return read("json", utf8(typeof value === "string" ? value : JSON.stringify(value)));
}

/** Zero has no sign in JSON and MessagePack. */
function unsigned(value: unknown): unknown {
  if (typeof value === "number") return value + 0;
  if (Array.isArray(value)) return value.map(unsigned);
  if (ArrayBuffer.isView(value) || typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, unsigned(member)]));
}

for (const name of encodingNames) {
  test(`what leaves in ${name} says what the frame says`, () => {
    fc.assert(
      fc.property(frame, (plain) => {
        const bytes = writePlain(plain);
        const got = read(name, encodingNamed(name).encode(bytes));
        assert.deepEqual(unsigned(got), unsigned(readPlain(bytes)));
      }),
      { numRuns: 1_000 },
    );
  });

  test(`frames that are joined are one frame, also in ${name}`, () => {
    fc.assert(
      fc.property(frame, frame, (first, second) => {
        const joined = Buffer.concat([writePlain(first), writePlain(second)]);
        const got = read(name, encodingNamed(name).encode(joined));
        assert.deepEqual(unsigned(got), unsigned(readPlain(joined)));
      }),
      { numRuns: 200 },
    );
  });

  test(`arbitrary bytes are read or refused with PROTOCOL_ERROR, in ${name}`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assertHarmless(name, bytes)),
      { numRuns: 5_000 },
    );
  });

  test(`frames that were cut or damaged are read or refused with PROTOCOL_ERROR, in ${name}`, () => {
    const damage = fc.record({ at: fc.nat(), byte: fc.nat(255), isCut: fc.boolean() });
    fc.assert(
      fc.property(frame, fc.array(damage, { minLength: 1, maxLength: 3 }), (plain, damages) => {
        let bytes = Uint8Array.from(encodingNamed(name).encode(writePlain(plain)));
        for (const { at, byte, isCut } of damages) {
          const place = bytes.length === 0 ? 0 : at % bytes.length;
          if (isCut) bytes = bytes.slice(0, place);
          else if (place < bytes.length) bytes[place] = byte;
        }
        assertHarmless(name, bytes);
      }),
      { numRuns: 2_000 },
    );
  });
}

function assertHarmless(name: EncodingName, bytes: Uint8Array): void {
  try {
    read(name, bytes);
  } catch (thrown) {
    if (!(thrown instanceof MyelinError) || thrown.code !== "PROTOCOL_ERROR") throw thrown;
  }
}

/** Names of fields and kinds, so that arbitrary values often get somewhere. */
const names = fc.constantFrom(
  ...["operations", "hello", "samples", "values", "metrics", "names", "labels", "actions"],
  ...["acknowledgement", "status", "result", "event", "attributes", "twin_delta", "patch"],
  ...["packed_samples", "forms", "form", "unchanged", "sent_at_us", "telemetry_sequence"],
  ...["instruction", "args", "error", "outcomes", "id", "name", "ping", "__proto__", "toJSON"],
);
const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, 0, -1, 0.5, 1e300, 2 ** 53, "", "x", "NaN", "executed"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.tuple(names, tie("value")), { maxLength: 3 }).map((members) => {
      const object: Record<string, unknown> = Object.create(null);
      for (const [key, value] of members) object[key] = value;
      return object;
    }),
  ),
})).value;

test("arbitrary values by the names of fields are read or refused with PROTOCOL_ERROR", () => {
  fc.assert(
    fc.property(anything, (value) => {
      assertHarmless("json", utf8(JSON.stringify(value)));
      if (!JSON.stringify(value).includes("__proto__")) assertHarmless("msgpack", encode(value));
    }),
    { numRuns: 5_000 },
  );
});

test("what the library writes is read alike, and what is written the library reads", () => {
  fc.assert(
    fc.property(frame, (plain) => {
      const bytes = writePlain(plain);
      const ours = encodingNamed("msgpack").encode(bytes);
      const again = encode(decode(ours));
      assert.deepEqual(read("msgpack", again), read("msgpack", ours));
    }),
    { numRuns: 300 },
  );
});

test("a text is a frame, a list of operations or one operation", () => {
  const ping = { ping: { sent_at_us: 5, time_line: "a" } };
  const expected = [{ kind: "ping", value: { sentAtUs: 5, timeLine: "a" } }];
  assert.deepEqual(readJson(ping).operations, expected);
  assert.deepEqual(readJson([ping, ping]).operations, [...expected, ...expected]);
  const whole = readJson({ operations: [ping], sent_at_us: 7, telemetry_sequence: 3 });
  assert.deepEqual(whole, { sentAtUs: 7, telemetrySequence: 3, operations: expected });
});

test("what a person leaves out has a sensible default, in JSON and MessagePack alike", () => {
  const typed = [
    { hello: { agent_id: "w1" } },
    { samples: { names: [{ id: 1, name: "cpu" }], metrics: [1], values: [0.5] } },
    { event: { type: "began" } },
    { acknowledgement: { instruction_id: "i1", status: "executed" } },
    { pong: { ping_sent_at_us: 4 } },
  ];
  const [hello, samples, event, acknowledgement, pong] = readJson(typed).operations;
  assert.deepEqual(read("msgpack", encode(typed)), readJson(typed));
  assert.ok(hello?.kind === "hello");
  const { protocolVersion, agentType, part, incarnation, tier, sentAtUs, token } = hello.value;
  assert.deepEqual(
    [protocolVersion, agentType, part, incarnation, tier, sentAtUs, token],
    [1, "agent", "app", "by-hand", "device", nowUs, ""],
  );
  assert.ok(samples?.kind === "samples" && event?.kind === "event");
  assert.deepEqual([samples.value.timesUs, event.value.timeUs], [[nowUs], nowUs]);
  assert.ok(acknowledgement?.kind === "acknowledgement" && pong?.kind === "pong");
  const { receivedAtUs, begunAtUs, endedAtUs } = acknowledgement.value;
  assert.deepEqual([receivedAtUs, begunAtUs, endedAtUs], [nowUs, 0, 0]);
  assert.equal(pong.value.receivedAtUs, nowUs);
});

test("numbers of 64 bits come as numbers or texts, and what JSON lacks comes as texts", () => {
  const text =
    '{"operations":[{"samples":{"base_time_us":1,"metrics":["1",1,1,1],"values":["NaN","Infinity","-Infinity",1e999]}}],"telemetry_sequence":"9007199254740991"}';
  const { telemetrySequence, operations } = readJson(text);
  assert.equal(telemetrySequence, Number.MAX_SAFE_INTEGER);
  const [samples] = operations;
  assert.ok(samples?.kind === "samples");
  const infinity = Number.POSITIVE_INFINITY;
  assert.deepEqual(samples.value.values, [Number.NaN, infinity, -infinity, infinity]);
});

test("an enum's value has its short name, its name in the schema, or its number", () => {
  for (const status of ["executed", "EXECUTED", "STATUS_EXECUTED", 2]) {
    const [told] = readJson({ acknowledgement: { status } }).operations;
    assert.ok(told?.kind === "acknowledgement");
    assert.equal(told.value.status, "executed");
  }
});

test("names that are not known are passed over, whatever they hold", () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  const text = `[{"dance":{"a":1}},{"ping":{"sent_at_us":1,"later":${deep},"constructor":1}},{"__proto__":{"ping":{}}},{}]`;
  assert.deepEqual(readJson(text).operations, [
    { kind: "ping", value: { sentAtUs: 1, timeLine: "" } },
  ]);
});

test("a key such as __proto__ is data", () => {
  for (const name of translated) {
    const text = '{"event":{"type":"x","attributes":{"__proto__":{"polluted":true},"toJSON":"y"}}}';
    const frameBytes = writePlain(readJson(text));
    const [event] = read(name, encodingNamed(name).encode(frameBytes)).operations;
    assert.ok(event?.kind === "event");
    assert.deepEqual(Object.keys(event.value.attributes), ["__proto__", "toJSON"]);
    assert.equal(Object.getPrototypeOf(event.value.attributes), Object.prototype);
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  }
});

const refused: readonly (readonly [RegExp, unknown])[] = [
  [/the text is no JSON/, "{"],
  [/the text is no JSON/, ""],
  [/a frame is no object/, "7"],
  [/frame\.operations is no list/, { operations: {} }],
  [/frame\.operations is no object/, [[]]],
  [/operation has both ping and pong/, { ping: {}, pong: {} }],
  [/operation\.hello is no object/, { hello: "w1" }],
  [/hello\.agent_id is no text/, { hello: { agent_id: 1 } }],
  [/hello\.labels holds what is no text/, { hello: { labels: { a: 1 } } }],
  [/hello\.actions is no object/, { hello: { actions: ["restart"] } }],
  [/hello\.actions_follow is neither/, { hello: { actions_follow: "yes" } }],
  [/samples\.values is no number/, { samples: { metrics: [1], values: [null] } }],
  [/samples\.metrics and samples\.values/, { samples: { metrics: [1, 1, 1], values: [1] } }],
  [/samples\.metrics is no whole number/, { samples: { metrics: [1.5], values: [1] } }],
  [/samples\.metrics is negative/, { samples: { metrics: [-1], values: [1] } }],
  [/ping\.sent_at_us/, { ping: { sent_at_us: "Infinity" } }],
  [/ping\.sent_at_us/, '{"ping":{"sent_at_us":1e999}}'],
  [/status is none of received, executed/, { acknowledgement: { status: "done" } }],
  [/part_state\.state/, { part_state: { part: "app" } }],
  [/packed_samples\.values is no base64/, { packed_samples: { values: "%" } }],
  [/protocol_version exceeds/, { hello: { protocol_version: 2 ** 40 } }],
  [/frame: a value nested deeper than 32/, nested(33)],
];

function nested(levels: number): string {
  const list = `${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}`;
  return `{"event":{"type":"x","attributes":{"a":${list}}}}`;
}

test("what cannot be meant is refused by an error that names the field", () => {
  for (const [message, value] of refused) {
    assert.throws(() => readJson(value), { code: "PROTOCOL_ERROR", message }, String(message));
  }
  assert.equal(readJson(nested(32)).operations.length, 1);
});

test("a text that is not UTF-8 is refused", () => {
  const bytes = Uint8Array.of(0x22, 0xc3, 0x28, 0x22);
  assert.throws(() => read("json", bytes), { code: "PROTOCOL_ERROR", message: /UTF-8/ });
});

const hostile: Readonly<Record<string, readonly [RegExp, readonly number[]]>> = {
  "a list that claims 4 billion items": [/cut short/, [0xdd, 255, 255, 255, 255]],
  "a map that claims 4 billion members": [/cut short/, [0xdf, 255, 255, 255, 255]],
  "a text that claims 4 GiB": [/cut short/, [0xdb, 255, 255, 255, 255]],
  "bytes that claim 4 GiB": [/cut short/, [0xc6, 255, 255, 255, 255]],
  "a text that is not UTF-8": [/UTF-8/, [0xa2, 0xc3, 0x28]],
  "a key that is a number": [/no text/, [0x81, 1, 1]],
  "an extension": [/type 0xd4/, [0xd4, 1, 1]],
  "the type that is never used": [/type 0xc1/, [0xc1]],
  "two values": [/goes on/, [0x80, 0x80]],
  "a number beyond 2^53": [/2\^53/, [0xcf, 255, 255, 255, 255, 255, 255, 255, 255]],
  nothing: [/cut short/, []],
};

test("MessagePack that is hostile is refused before it costs anything", () => {
  for (const [what, [message, bytes]] of Object.entries(hostile)) {
    const error = { code: "PROTOCOL_ERROR", message };
    assert.throws(() => read("msgpack", Uint8Array.from(bytes)), error, what);
  }
  const deep = new Uint8Array(1 << 20).fill(0x91);
  assert.throws(() => read("msgpack", deep), { code: "PROTOCOL_ERROR", message: /nested/ });
  const claims = Buffer.concat(
    Array.from({ length: 60 }, () => Uint8Array.of(0xdd, 0, 15, 0xff, 0)),
  );
  assert.throws(() => read("msgpack", Buffer.concat([claims, new Uint8Array(1 << 20)])), {
    code: "PROTOCOL_ERROR",
  });
});

test("bytes stand only where the schema has bytes or a column", () => {
  const values = new Uint8Array(Float64Array.of(0.5, 1.5).buffer);
  const [samples] = read(
    "msgpack",
    encode({ samples: { base_time_us: 3, metrics: [1], values } }),
  ).operations;
  assert.ok(samples?.kind === "samples");
  assert.deepEqual(samples.value.values, [0.5, 1.5]);
  for (const wrong of [
    { event: { attributes: { a: values } } },
    { acknowledgement: { status: "executed", result: values } },
    { acknowledgement: { status: "executed", result: [values] } },
    { hello: { agent_id: values } },
    { hello: { labels: values } },
    { hello: values },
    values,
  ]) {
    assert.throws(() => read("msgpack", encode(wrong)), { code: "PROTOCOL_ERROR" });
  }
});

test("a column of doubles in MessagePack takes eight bytes a value", () => {
  const count = 1_000;
  const plain: PlainFrame = {
    sentAtUs: Number.NaN,
    telemetrySequence: 1,
    operations: [
      {
        kind: "samples",
        value: {
          names: [],
          metrics: Array.from({ length: count }, () => 1),
          values: Array.from({ length: count }, (_, index) => index / 3),
          timesUs: Array.from({ length: count }, () => 5),
        },
      },
    ],
  };
  const sizeBytes = encodingNamed("msgpack").encode(writePlain(plain)).length;
  assert.ok(sizeBytes < count * 8 + 200, `${sizeBytes}`);
});
