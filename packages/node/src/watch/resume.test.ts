import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { TestSink } from "../test-sink.ts";
import { WatchWorld } from "./test-support.ts";

type Step =
  | { readonly do: "happen"; readonly times: number }
  | { readonly do: "turn" | "leave" | "come" | "block" | "take" | "restart" | "wait" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("happen" as const), times: fc.nat(9) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("turn", "leave", "come", "block", "take", "restart", "wait"),
    }),
  },
);

/** One who watches over connections and lives of the node, as a client does: with the last cursor it has read. */
class Client {
  cursor: string | undefined;
  /** Numbers of the present life that were told, or told to be lost. */
  readonly told = new Map<string, number[]>();
  #sink: TestSink | undefined;
  #read = 0;

  come(world: WatchWorld): void {
    this.leave();
    this.#sink = world.open(this.cursor);
    this.#read = 0;
  }

  leave(): void {
    this.read();
    this.#sink?.leave();
    this.#sink = undefined;
  }

  block(): void {
    if (this.#sink !== undefined) this.#sink.isBlocked = true;
  }

  take(): void {
    this.#sink?.take();
  }

  /** Reads what has arrived. */
  read(): void {
    const events = this.#sink?.events.slice(this.#read) ?? [];
    this.#read += events.length;
    for (const { name, id, data } of events) {
      const [life = "", number = ""] = id.split(".");
      const numbers = this.told.get(life) ?? [];
      this.told.set(life, numbers);
      if (name === "lost")
        for (let lost = Number(data["from"]); lost <= Number(data["to"]); lost += 1)
          numbers.push(lost);
      else if (name === "agents") {
        assert.equal(data["mark"], Number(number));
        numbers.push(Number(number));
      } else if (name === "reset") assert.notEqual(this.cursor?.split(".")[0], life);
      this.cursor = id;
    }
  }
}

test("whatever breaks in between, each event is told exactly once or told to be lost", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      let life = 1;
      let happened = 0;
      const open = (): WatchWorld =>
        new WatchWorld({ maxWatchEvents: 7, watcherBytes: 600, watchLingerUs: 5e6 }, life);
      let world = open();
      const client = new Client();
      client.come(world);
      client.read();
      for (const { do: what, ...more } of steps) {
        if (what === "happen")
          for (let count = 0; count < (more as { times: number }).times; count += 1)
            world.happen((happened += 1));
        else if (what === "come") client.come(world);
        else if (what === "restart") {
          client.leave();
          life += 1;
          happened = 0;
          world = open();
        } else if (what === "wait") await world.clock.run(6e6);
        else if (what === "turn") await world.turn();
        else client[what]();
        client.read();
      }
      client.come(world);
      await world.turn();
      client.read();
      const last = client.told.get(world.watch.life) ?? [];
      assert.deepEqual(
        last,
        Array.from({ length: happened }, (_, at) => at + 1),
      );
      for (const numbers of client.told.values())
        assert.deepEqual(
          numbers,
          numbers.map((_, at) => at + 1),
        );
    }),
    { numRuns: 300 },
  );
});
