import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstructionDocument } from "@myelin/core/instruction";
import { Trace } from "../world/trace.ts";
import { type Beginning, Judge } from "./judge.ts";

const startUs = Date.UTC(2026, 0, 1) * 1000;

/** A judge at a time that the test sets. */
function court(): { readonly judge: Judge; at: number; onDisk: Set<string> } {
  const onDisk = new Set<string>();
  const world = { at: 0, onDisk };
  const nowUs = (): number => startUs + world.at;
  const judge = new Judge(nowUs, new Trace(nowUs, false), (id) => onDisk.has(id));
  return Object.assign(world, { judge });
}

function beginning(id: string, changes: Partial<Beginning> = {}): Beginning {
  return {
    part: "a1/app",
    incarnation: "one",
    rttUs: 1000,
    isIdempotent: false,
    ...changes,
    instruction: {
      id,
      action: "note",
      args: { call: "c1", durability: "disk" },
      priority: 5,
      deadlineUs: startUs + 1e6,
      timeoutUs: 1e6,
      createdAtUs: startUs,
      ...changes.instruction,
    },
  };
}

function ended(id: string, changes: Partial<InstructionDocument> = {}): InstructionDocument {
  return {
    id,
    agent: "a1",
    part: "app",
    rule: null,
    ruleVersion: null,
    action: "note",
    args: {},
    priority: 5,
    status: "executed",
    createdAt: "2026-01-01T00:00:00.000000Z",
    deadline: "2026-01-01T00:00:01.000000Z",
    endedAt: "2026-01-01T00:00:00.500000Z",
    attempt: 1,
    actor: "local",
    stagesUs: { collect: null, ingest: null, compute: null, rule: null, dispatch: 0, execute: 0 },
    totalUs: 0,
    withinSla: null,
    ...changes,
  };
}

const failed = (code: "OUTCOME_UNKNOWN" | "HANDLER_FAILED"): Partial<InstructionDocument> => ({
  status: "failed",
  error: { code, message: "" },
});

/** Says which rules were broken, without the particulars. */
function broken(judge: Judge): string[] {
  return judge.breaches.map((breach) => breach.replace(/^\S+ (.*?):.*$/, "$1"));
}

test("all is well when an instruction begins, returns and ends executed, once", () => {
  const { judge } = court();
  judge.finished(judge.began(beginning("i1")), "returned");
  judge.ended(1, ended("i1"), false);
  judge.died("a1/app", "one");
  judge.ended(1, ended("i2", failed("OUTCOME_UNKNOWN")), false);
  assert.deepEqual(judge.breaches, []);
});

test("an id that begins twice is noticed, in one life and, unless it does no harm, in two", () => {
  const { judge } = court();
  judge.began(beginning("i1"));
  judge.began(beginning("i1"));
  judge.began(beginning("i2"));
  judge.began(beginning("i2", { incarnation: "two" }));
  judge.began(beginning("i3", { isIdempotent: true }));
  judge.began(beginning("i3", { isIdempotent: true, incarnation: "two" }));
  assert.deepEqual(broken(judge), [
    "an incarnation begins an id once",
    "only what is idempotent is begun by two incarnations",
  ]);
});

test("one that begins after its deadline is noticed, beyond what the agent cannot know", () => {
  const world = court();
  world.at = 1e6 + 10_500;
  world.judge.began(beginning("i1"));
  assert.deepEqual(world.judge.breaches, []);
  world.at += 1;
  world.judge.began(beginning("i2"));
  assert.deepEqual(broken(world.judge), ["none begins after its deadline"]);
});

test("one that overtakes another is noticed, unless the disk failed meanwhile", () => {
  const world = court();
  const late = { ...beginning("").instruction, createdAtUs: startUs + 10 };
  world.judge.began(beginning("i2", { instruction: { ...late, id: "i2" } }));
  world.judge.began(beginning("i1"));
  assert.deepEqual(broken(world.judge), [
    "instructions of one agent, action and priority begin in order",
  ]);
  world.judge.troubles.add("disk", startUs, startUs + 1e6);
  world.judge.began(beginning("i0"));
  assert.equal(world.judge.breaches.length, 1);
});

test("an end that says what did not happen is noticed", () => {
  const { judge } = court();
  judge.ended(1, ended("i1"), false);
  judge.ended(1, ended("i2", failed("HANDLER_FAILED")), false);
  judge.began(beginning("i3"));
  judge.ended(1, ended("i3", { status: "expired" }), false);
  judge.ended(1, ended("i4", failed("OUTCOME_UNKNOWN")), false);
  assert.deepEqual(broken(judge), [
    "executed is what an agent executed",
    "a handler that failed has thrown",
    "what did not begin was not begun",
    "an unknown outcome has a reason",
  ]);
});

test("an id that ends twice is noticed, in one run, and in two where the disk had its end", () => {
  const { judge, onDisk } = court();
  for (const id of ["i1", "i2", "i3"])
    judge.finished(judge.began(beginning(id, { isIdempotent: true })), "returned");
  judge.ended(1, ended("i1"), false);
  judge.ended(1, ended("i1"), false);
  judge.ended(1, ended("i2"), false);
  judge.ended(2, ended("i2"), false);
  judge.ended(1, ended("i3"), false);
  onDisk.add("i3");
  judge.ended(2, ended("i3"), false);
  assert.deepEqual(broken(judge), ["an id ends once", "what has ended on disk stays"]);
});

test("an end that is told before it is on disk is noticed, where the caller asked for the disk", () => {
  const { judge, onDisk } = court();
  onDisk.add("i1");
  const answer = { call: "c1", durability: "disk", run: 1 } as const;
  judge.answered({ ...answer, documents: [ended("i1"), ended("i2", { endedAt: null })] });
  judge.answered({ ...answer, call: "c2", durability: "memory", documents: [ended("i3")] });
  assert.deepEqual(broken(judge), []);
  judge.answered({ ...answer, documents: [ended("i4")] });
  assert.deepEqual(broken(judge), ["an end is told once it is on disk"]);
});

test("a caller who is refused and served, or told two ends, is noticed", () => {
  const { judge, onDisk } = court();
  judge.refused("c1");
  judge.began(beginning("i1"));
  onDisk.add("i2");
  const answer = { call: "c2", durability: "disk", run: 1 } as const;
  judge.answered({ ...answer, documents: [ended("i2")] });
  judge.answered({ ...answer, documents: [ended("i2", { status: "expired" })] });
  judge.answered({ ...answer, call: "c3", documents: [ended("i2", { endedAt: null })] });
  assert.deepEqual(broken(judge), [
    "what was refused is not begun",
    "an end stays",
    "an id is of one call",
  ]);
});
