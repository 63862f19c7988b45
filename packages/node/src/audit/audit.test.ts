import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { createMemoryStore, type MemoryStore } from "../adapters/memory-store/index.ts";
import { Audit } from "./index.ts";

const act = { actor: "local", act: "send", subject: "w1", outcome: "done", address: "" } as const;
const attempt = { actor: "anyone", act: "read", subject: "", code: "UNAUTHENTICATED", address: "" };

function audited(): { clock: VirtualClock; store: MemoryStore; audit: Audit; errors: string[] } {
  const clock = new VirtualClock(1_790_000_000e6);
  const store = createMemoryStore();
  const errors: string[] = [];
  const audit = new Audit({ clock, store, onStoreError: ({ code }) => errors.push(code) });
  return { clock, store, audit, errors };
}

test("an act is on disk when its record resolves", async () => {
  const { clock, store, audit } = audited();
  await audit.record({ ...act, details: { action: "restart" } });
  const [entry] = store.disk.audit;
  assert.deepEqual(entry, {
    ...act,
    sequence: 1,
    timeUs: clock.nowUs(),
    details: { action: "restart" },
  });
});

test("what is too long is cut", async () => {
  const { store, audit } = audited();
  await audit.record({ ...act, subject: "x".repeat(999), details: { long: "y".repeat(5000) } });
  const [entry] = store.disk.audit;
  assert.equal(entry?.subject.length, 200);
  assert.deepEqual(entry?.details, { isTooLong: true });
});

test("a disk that takes nothing stops no act; entries follow when it does", async () => {
  const { clock, store, audit, errors } = audited();
  store.disk.isFull = true;
  await audit.record({ ...act, subject: "a" });
  await audit.record({ ...act, subject: "b" });
  assert.deepEqual(store.disk.audit, []);
  assert.deepEqual(errors, ["STORAGE_FULL", "STORAGE_FULL"]);
  store.disk.isFull = false;
  await clock.run(1e6);
  assert.deepEqual(
    store.disk.audit.map(({ subject }) => subject),
    ["a", "b"],
  );
});

test("entries that found no room are counted, and the audit says how many", async () => {
  const { clock, store, audit } = audited();
  store.disk.isFull = true;
  for (let count = 0; count < 1003; count++) await audit.record(act);
  assert.equal(audit.counters.dropped, 3);
  store.disk.isFull = false;
  await clock.run(1e6);
  const last = store.disk.audit.at(-1);
  assert.equal(store.disk.audit.length, 1001);
  assert.deepEqual([last?.act, last?.details], ["audit.gap", { dropped: 3 }]);
});

test("of many refused attempts few are written, and the rest is counted in the next", async () => {
  const { clock, store, audit } = audited();
  for (let count = 0; count < 100; count++) await audit.refused(attempt);
  assert.equal(store.disk.audit.length, 20);
  assert.equal(audit.counters.suppressed, 80);
  await clock.run(10e6);
  await audit.refused(attempt);
  const last = store.disk.audit.at(-1);
  assert.deepEqual([last?.outcome, last?.details], ["refused", { suppressed: 80 }]);
});
