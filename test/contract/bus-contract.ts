// What every bus does, whatever joins its ends.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { busBounds } from "../../packages/node/src/bus/index.ts";
import type { Bus } from "../../packages/node/src/ports/bus.ts";

/** Joins ends of these names; gives what lets go of them. */
export type JoinBus = (names: readonly string[]) => {
  readonly ends: readonly Bus[];
  readonly part: () => void;
};

export function busContract(name: string, join: JoinBus): void {
  const over = async (
    names: readonly string[],
    use: (ends: readonly [Bus, Bus, ...Bus[]]) => Promise<void>,
  ): Promise<void> => {
    const { ends, part } = join(names);
    const [first, second, ...more] = ends;
    assert.ok(first !== undefined && second !== undefined);
    try {
      await use([first, second, ...more]);
    } finally {
      part();
    }
  };

  describe(`the bus over ${name}`, () => {
    test("asks another end, which knows who asks, and gives its answer", async () =>
      await over(["a", "b", "c"], async ([a, b]) => {
        assert.deepEqual([a.name, ...a.peers], ["a", "b", "c"]);
        b.serve("double", (body, from) => ({ from, twice: Number(body) * 2 }));
        assert.deepEqual(await a.request("b", "double", 21), { from: "a", twice: 42 });
      }));

    test("throws what the handler throws, by its code, hint and details", async () =>
      await over(["a", "b"], async ([a, b]) => {
        b.serve("refuse", () => {
          throw new MyelinError("STORAGE_FULL", "no room", {
            hint: "make some",
            details: { n: 1 },
          });
        });
        b.serve("break", () => Promise.reject(new Error("by accident")));
        await assert.rejects(a.request("b", "refuse", null), {
          code: "STORAGE_FULL",
          message: "no room",
          hint: "make some",
          details: { n: 1 },
        });
        await assert.rejects(a.request("b", "break", null), { code: "INTERNAL" });
        await assert.rejects(a.request("b", "unheard", null), { code: "NOT_FOUND" });
        await assert.rejects(a.request("nobody", "x", null), { code: "UNAVAILABLE" });
      }));

    test("delivers requests and messages in the order of sending", async () =>
      await over(["a", "b"], async ([a, b]) => {
        const heard: unknown[] = [];
        b.serve("tell", (body) => void heard.push(body));
        b.serve("ask", (body) => heard.push(body));
        a.publish("b", "tell", 1);
        const asked = a.request("b", "ask", 2);
        a.publish("b", "tell", 3);
        await asked;
        await a.request("b", "ask", 4);
        assert.deepEqual(heard, [1, 2, 3, 4]);
      }));

    test("answers overtake each other, and each goes to its own request", async () =>
      await over(["a", "b"], async ([a, b]) => {
        const gate = Promise.withResolvers<void>();
        b.serve("wait", async () => await gate.promise.then(() => "late"));
        b.serve("go", () => "soon");
        const late = a.request("b", "wait", null);
        assert.equal(await a.request("b", "go", null), "soon");
        assert.equal(a.figures().pending, 1);
        gate.resolve();
        assert.equal(await late, "late");
        assert.equal(a.figures().pending, 0);
      }));

    test("copies bodies: what either side changes later is its own", async () =>
      await over(["a", "b"], async ([a, b]) => {
        const kept: { list: number[] }[] = [];
        b.serve("keep", (body) => {
          kept.push(body as { list: number[] });
          return body;
        });
        const body = { list: [1], bytes: new Uint8Array([7]), map: new Map([["k", Number.NaN]]) };
        const asked = a.request("b", "keep", body);
        body.list.push(2);
        const answer = (await asked) as typeof body;
        assert.deepEqual(answer, { ...body, list: [1] });
        answer.list.push(3);
        assert.deepEqual(kept[0]?.list, [1]);
      }));

    test("what cannot be copied is refused on either way, and the bus goes on", async () =>
      await over(["a", "b"], async ([a, b]) => {
        b.serve("function", () => () => 1);
        b.serve("echo", (body) => body);
        await assert.rejects(
          a.request("b", "echo", () => 1),
          { name: "DataCloneError" },
        );
        await assert.rejects(a.request("b", "function", null), { code: "INTERNAL" });
        assert.equal(await a.request("b", "echo", 5), 5);
        assert.equal(a.figures().pending, 0);
      }));

    test("requests that wait for an end are bounded", async () =>
      await over(["a", "b"], async ([a, b]) => {
        const gate = Promise.withResolvers<void>();
        b.serve("wait", () => gate.promise);
        const waiting = Array.from({ length: busBounds.maxRequests }, () =>
          a.request("b", "wait", null),
        );
        await assert.rejects(a.request("b", "wait", null), { code: "RESOURCE_EXHAUSTED" });
        gate.resolve();
        await Promise.all(waiting);
        await a.request("b", "wait", null);
      }));

    test("messages that an end has not taken are bounded, and what is dropped is counted", async () =>
      await over(["a", "b"], async ([a, b]) => {
        let heard = 0;
        b.serve("tell", () => void heard++);
        b.serve("sync", () => heard);
        const sent = Array.from({ length: busBounds.maxAhead + 10 }, () =>
          a.publish("b", "tell", null),
        );
        assert.equal(sent.filter((isSent) => !isSent).length, 10);
        assert.equal(a.figures().dropped, 10);
        assert.equal(await a.request("b", "sync", null), busBounds.maxAhead);
        assert.equal(a.publish("b", "tell", null), true);
      }));

    test("who asks an end that has gone is told so, also when it goes before it answers", async () =>
      await over(["a", "b", "c"], async ([a, b, c]) => {
        b.serve("wait", () => new Promise(() => undefined));
        c?.serve("here", () => true);
        const waiting = a.request("b", "wait", null);
        b.close();
        await assert.rejects(waiting, { code: "UNAVAILABLE" });
        await assert.rejects(a.request("b", "wait", null), { code: "UNAVAILABLE" });
        assert.equal(a.publish("b", "tell", null), false);
        assert.equal(await a.request("c", "here", null), true);
      }));
  });
}
