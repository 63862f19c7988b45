// The judge of the campaign sees what it is there to see.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstructionDocument } from "@myelin/core/instruction";
import type { Begun } from "../support/crowd.ts";
import { breachesOf, type Evidence } from "./verdict.ts";

const began = (id: string, life = 1, action = "work"): Begun => ({ life, agent: "c1", id, action });

function evidence(
  status: string | undefined,
  begun: readonly Begun[],
  { ids = ["i1"], action = "work", deadLives = 0, code = "HANDLER_FAILED", endedAt = "12:00" } = {},
): Evidence {
  const call = { key: "k1", agent: "c1", action, deadline: "60s", ids: new Set(ids) };
  // The judge reads nothing else of a document.
  const document = {
    status,
    error: { code },
    endedAt,
    deadline: "12:30",
  } as unknown as InstructionDocument;
  return {
    calls: [call],
    begun,
    told: new Map(ids.map((id) => [id, status === undefined ? undefined : document])),
    deadLives,
  };
}

const sound: Readonly<Record<string, Evidence>> = {
  "executed once": evidence("executed", [began("i1")]),
  "expired and never begun": evidence("expired", []),
  "of unknown outcome when its agent has died": evidence("failed", [began("i1")], {
    deadLives: 1,
    code: "OUTCOME_UNKNOWN",
  }),
  "idempotent and of unknown outcome after its deadline": evidence("failed", [], {
    action: "again",
    deadLives: 1,
    code: "OUTCOME_UNKNOWN",
    endedAt: "12:31",
  }),
  "idempotent and repeated by a later incarnation": evidence(
    "executed",
    [began("i1", 1, "again"), began("i1", 2, "again")],
    { action: "again", deadLives: 1 },
  ),
};

const broken: Readonly<Record<string, [Evidence, RegExp]>> = {
  vanished: [evidence(undefined, [began("i1")]), /has vanished/],
  "still open": [evidence("sent", [began("i1")]), /is sent/],
  "executed by nobody": [evidence("executed", []), /nobody has begun it/],
  "begun twice by one incarnation": [
    evidence("executed", [began("i1"), began("i1")]),
    /twice by one incarnation/,
  ],
  "repeated by another incarnation, and not idempotent": [
    evidence("executed", [began("i1"), began("i1", 2)], { deadLives: 1 }),
    /not idempotent/,
  ],
  "expired though it was begun": [evidence("expired", [began("i1")]), /was begun/],
  "of unknown outcome while no agent has died": [
    evidence("failed", [began("i1")], { code: "OUTCOME_UNKNOWN" }),
    /failed with OUTCOME_UNKNOWN/,
  ],
  "idempotent and of unknown outcome before its deadline": [
    evidence("failed", [], { action: "again", deadLives: 1, code: "OUTCOME_UNKNOWN" }),
    /failed with OUTCOME_UNKNOWN/,
  ],
  "accepted twice under one key": [
    evidence("executed", [began("i1"), began("i2")], { ids: ["i1", "i2"] }),
    /has the ids i1 i2/,
  ],
  "never accepted": [evidence("executed", [], { ids: [] }), /has the ids none/],
};

for (const [name, found] of Object.entries(sound)) {
  test(`an instruction that is ${name} is as it must be`, () =>
    assert.deepEqual(breachesOf(found), []));
}
for (const [name, [found, expected]] of Object.entries(broken)) {
  test(`an instruction that is ${name} is a breach`, () =>
    assert.match(breachesOf(found).join("\n"), expected));
}
