import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MyelinError } from "@myelin/core/errors";
import { World } from "./test-support.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const count = 50;

/** Sessions that came and were taken over, each with something unread; the last is there still. */
function comeAndGo(world: World): readonly WeakRef<object>[] {
  return Array.from({ length: count }, () => {
    world.join();
    return new WeakRef(world.session());
  });
}

test("a session that has ended is not held on to for what its peer left unread", async () => {
  const world = new World(() => new MyelinError("RESOURCE_EXHAUSTED", "no slot"));
  const sessions = comeAndGo(world);
  world.handlers.clear();
  world.clock.advance(2_000_000);
  // A WeakRef keeps what it refers to until the turn in which it was made is over.
  await new Promise(setImmediate);
  collectGarbage();
  const held = sessions.filter((session) => session.deref() !== undefined).length;
  assert.ok(held <= 2, `${held} of ${count} are held`);
});
