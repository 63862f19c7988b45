import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { MyelinError } from "../errors/index.ts";
import {
  type EpisodeKey,
  instructionIdOf,
  parseActionName,
  parseAgentId,
  parseIncarnation,
  parseInstructionId,
  parseMetricName,
  parsePartName,
  parseRuleName,
  parseSessionId,
} from "./index.ts";

const episode: EpisodeKey = {
  rule: parseRuleName("cpu-high"),
  meaningVersion: 2,
  agent: parseAgentId("w1"),
  timeLine: "a1b2-0",
  startedAtUs: 1_700_000_000_000_000,
  attempt: 1,
};

type Parser = (text: string) => string;
const names: readonly { parse: Parser; good: readonly string[]; bad: readonly string[] }[] = [
  {
    parse: parseAgentId,
    good: ["w1", "A", "robot.7:arm@plant~x+y=z-1_2", "x".repeat(128)],
    bad: ["", "-w", ".w", "w 1", "w/1", "w\n", "wörker", "x".repeat(129)],
  },
  {
    parse: parsePartName,
    good: ["app", "0", "x".repeat(32)],
    bad: ["", "App", "a_b", "-a", "x".repeat(33)],
  },
  {
    parse: parseIncarnation,
    good: ["a", "A-_9", "x".repeat(64)],
    bad: ["", "a.b", "x".repeat(65)],
  },
  { parse: parseSessionId, good: ["a", "A-_9"], bad: ["", "a b", "x".repeat(65)] },
  { parse: parseInstructionId, good: ["a", "A-_9"], bad: ["", "a=", "x".repeat(65)] },
  { parse: parseRuleName, good: ["cpu-high", "9", "-"], bad: ["", "CPU", "a_b", "x".repeat(65)] },
  {
    parse: parseActionName,
    good: ["restart", "a.b_c-d", "R2"],
    bad: ["", "2r", "_a", "a b", `a${"x".repeat(64)}`],
  },
  {
    parse: parseMetricName,
    good: ["cpu_usage", "_x", "a.b:c/d-e"],
    bad: ["", "1a", "a b", `a${"x".repeat(128)}`],
  },
];

test("names of the right form are taken as they are", () => {
  for (const { parse, good } of names) {
    for (const text of good) assert.equal(parse(text), text);
  }
});

test("names of any other form are refused, with a hint that says the form", () => {
  for (const { parse, bad } of names) {
    for (const text of bad) {
      assert.throws(() => parse(text), { code: "INVALID_ARGUMENT", hint: /is 1 to / }, text);
    }
    assert.throws(() => parse(7 as unknown as string), { code: "INVALID_ARGUMENT" });
  }
});

test("the id of an instruction is the first 128 bits of SHA-256 over its episode", () => {
  const hash = createHash("sha256")
    .update("cpu-high\n2\nw1\na1b2-0\n1700000000000000\n1")
    .digest()
    .subarray(0, 16)
    .toString("base64url");
  assert.equal(instructionIdOf(episode), hash);
  assert.equal(parseInstructionId(hash), hash);
});

test("every part of an episode makes another id", () => {
  const others: Partial<EpisodeKey>[] = [
    { rule: parseRuleName("cpu-low") },
    { meaningVersion: 3 },
    { agent: parseAgentId("w2") },
    { timeLine: "a1b2-1" },
    { startedAtUs: 1_700_000_000_000_001 },
    { attempt: 2 },
  ];
  const ids = others.map((other) => instructionIdOf({ ...episode, ...other }));
  assert.equal(new Set([instructionIdOf(episode), ...ids]).size, others.length + 1);
});

test("an id is 22 characters of base64url, whatever the episode", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(), (startedAtUs, attempt) => {
      assert.match(instructionIdOf({ ...episode, startedAtUs, attempt }), /^[A-Za-z0-9_-]{22}$/);
    }),
  );
});

test("a hint says what it speaks of with the right article", () => {
  const hintOf = (parse: Parser): string => {
    try {
      return parse("");
    } catch (error) {
      return MyelinError.from(error).hint;
    }
  };
  assert.match(hintOf(parseAgentId), /^An agent id is 1 to 128 /);
  assert.match(hintOf(parseInstructionId), /^An instruction id is /);
  assert.match(hintOf(parseRuleName), /^A rule name is /);
});
