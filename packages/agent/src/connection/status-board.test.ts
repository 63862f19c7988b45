import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusBoard } from "./status-board.ts";

test("listeners are told of each status until they stop listening", () => {
  const board = new StatusBoard();
  const seen: string[] = [];
  const listener = ({ state }: { readonly state: string }): void => void seen.push(state);
  const stopFirst = board.listen(listener);
  board.listen(listener);
  board.set({ state: "connecting", url: "ws://n1", attempt: 1 });
  stopFirst();
  stopFirst();
  board.set({ state: "closed" });
  assert.deepEqual(seen, ["connecting", "connecting", "closed"]);
  assert.deepEqual(board.status, { state: "closed" });
});

test("a listener that throws does not keep others from hearing, and its error is not lost", (t) => {
  const jobs = t.mock.method(globalThis, "queueMicrotask", () => {});
  const board = new StatusBoard();
  const seen: string[] = [];
  board.listen(() => {
    throw new Error("a listener's fault");
  });
  board.listen(({ state }) => seen.push(state));
  board.set({ state: "closed" });
  assert.deepEqual(seen, ["closed"]);
  const job = jobs.mock.calls[0]?.arguments[0];
  assert.throws(() => job?.(), /a listener's fault/);
});
