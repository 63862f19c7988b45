import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { createMemoryStore, type MemoryDisk } from "../adapters/memory-store/index.ts";
import { Enforcement } from "./index.ts";

function bench(given?: MemoryDisk): {
  enforcement: Enforcement;
  disk: MemoryDisk;
  isOn: () => boolean;
  told: boolean[];
  restore: () => Promise<void>;
} {
  const clock = new VirtualClock(1000);
  const store = createMemoryStore({ clock, ...(given === undefined ? {} : { disk: given }) });
  let isOn = true;
  const told: boolean[] = [];
  const enforcement = new Enforcement({
    clock,
    store,
    switch: (value) => (isOn = value),
    onChange: (record) => told.push(record.isOn),
  });
  const restore = async (): Promise<void> => enforcement.restore((await store.load()).enforcement);
  return { enforcement, disk: store.disk, isOn: () => isOn, told, restore };
}

test("off is in force at once and on again when it is on disk; who did it and why is known", async () => {
  const { enforcement, isOn, told } = bench();
  const off = enforcement.set(false, "ops", "the sensors lie");
  assert.equal(isOn(), false, "before the disk has it");
  assert.equal(await off, true);
  assert.deepEqual(enforcement.record, {
    isOn: false,
    changedAtUs: 1000,
    actor: "ops",
    reason: "the sensors lie",
  });
  assert.equal(await enforcement.set(false, "ops"), false, "it was off already");
  assert.equal(await enforcement.set(true, "ops"), true);
  assert.equal(isOn(), true);
  assert.deepEqual(told, [false, true]);
});

test("a node that starts again is as it was switched", async () => {
  const before = bench();
  await before.enforcement.set(false, "ops", "maintenance");
  const after = bench(before.disk);
  await after.restore();
  assert.equal(after.isOn(), false);
  assert.equal(after.enforcement.record?.reason, "maintenance");
  assert.deepEqual(after.told, [false]);
  await after.enforcement.set(true, "ops");
  const last = bench(before.disk);
  await last.restore();
  assert.equal(last.isOn(), true);
  assert.deepEqual(last.told, []);
});

test("a full disk keeps nobody from switching off, and says that it is not kept; on it refuses", async () => {
  const { enforcement, disk, isOn } = bench();
  disk.isFull = true;
  await assert.rejects(enforcement.set(false, "ops"), { code: "STORAGE_FULL" });
  assert.equal(isOn(), false);
  await assert.rejects(enforcement.set(true, "ops"), { code: "STORAGE_FULL" });
  assert.equal(isOn(), false);
  disk.isFull = false;
  assert.equal(await enforcement.set(false, "ops"), false);
  assert.equal(disk.enforcement?.isOn, false, "kept now");
});

test("an on that is under way does not undo an off that came after it", async () => {
  const { enforcement, isOn } = bench();
  await enforcement.set(false, "a");
  const on = enforcement.set(true, "b");
  const off = enforcement.set(false, "c");
  await Promise.all([on, off]);
  assert.equal(isOn(), false);
  assert.equal(enforcement.isOn, false);
  assert.equal(enforcement.record?.actor, "c");
});
