import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOptions } from "./options.ts";

test("what is not given comes from the environment", () => {
  const { url, identity } = resolveOptions(
    {},
    {
      MYELIN_URL: "unix:/run/myelin.sock",
      MYELIN_AGENT_ID: "w1",
      MYELIN_AGENT_TYPE: "worker",
      MYELIN_PART: "supervisor",
      MYELIN_TIER: "edge",
      MYELIN_CAPABILITIES: "vision, audio",
      MYELIN_LABELS: "zone=a,note=x=y",
      MYELIN_TOKEN: "secret",
    },
  );
  assert.equal(url, "unix:/run/myelin.sock");
  const { incarnation, ...rest } = identity;
  assert.match(incarnation, /^[A-Za-z0-9_-]{22}$/);
  assert.deepEqual(rest, {
    id: "w1",
    type: "worker",
    part: "supervisor",
    tier: "edge",
    capabilities: ["vision", "audio"],
    labels: { zone: "a", note: "x=y" },
    token: "secret",
  });
});

test("frames are in protobuf unless another encoding is asked for, by one of its names", () => {
  const id = "w1";
  assert.equal(resolveOptions({ id }, {}).encoding, "proto");
  assert.equal(resolveOptions({ id }, { MYELIN_ENCODING: "json" }).encoding, "json");
  const both = resolveOptions({ id, encoding: "msgpack" }, { MYELIN_ENCODING: "json" });
  assert.equal(both.encoding, "msgpack");
  assert.throws(() => resolveOptions({ id }, { MYELIN_ENCODING: "xml" }), {
    code: "INVALID_ARGUMENT",
    message: /"xml" is no encoding/,
  });
});

test("what is given comes before the environment, and the rest has defaults", () => {
  const environment = { MYELIN_AGENT_ID: "other", MYELIN_URL: "", MYELIN_LABELS: "zone=a" };
  const { url, identity, bufferBytes } = resolveOptions(
    { id: "w1", labels: {}, incarnation: "life-1" },
    environment,
  );
  assert.equal(url, "ws://127.0.0.1:7400");
  assert.equal(bufferBytes, 4 * 1024 * 1024);
  assert.deepEqual(identity, {
    id: "w1",
    type: "agent",
    part: "app",
    incarnation: "life-1",
    tier: "device",
    capabilities: [],
    labels: {},
    token: "",
  });
});

test("what cannot be is refused with what to do", () => {
  const refused = (options: Parameters<typeof resolveOptions>[0], environment = {}): void => {
    assert.throws(() => resolveOptions(options, environment), { code: "INVALID_ARGUMENT" });
  };
  refused({});
  refused({ id: "no id" });
  refused({ id: "w1", part: "No Part" });
  refused({ id: "w1", bufferBytes: 10 });
  refused({ id: "w1" }, { MYELIN_TIER: "moon" });
  refused({ id: "w1" }, { MYELIN_LABELS: "zone" });
});
