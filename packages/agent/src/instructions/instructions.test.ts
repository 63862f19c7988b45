import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { makeLiveWorld, type SeenFrame } from "../../test/fake-node.ts";
import type { Handler } from "./index.ts";

function told(frames: readonly SeenFrame[]): string[] {
  return frames.flatMap(({ acknowledgements }) =>
    acknowledgements.map(({ instructionId, status, error }) =>
      [instructionId, status, error?.code].filter((part) => part !== undefined).join(" "),
    ),
  );
}

/** A live world whose agent handles `restart` by `handler`, and counts its calls. */
async function worldWith(
  handler: Handler,
  options: Parameters<typeof makeLiveWorld>[0] = {},
): Promise<Awaited<ReturnType<typeof makeLiveWorld>> & { readonly calls: string[] }> {
  const world = await makeLiveWorld(options);
  const calls: string[] = [];
  world.agent.on("restart", (instruction, context) => {
    calls.push(instruction.id);
    return handler(instruction, context);
  });
  await world.clock.run(1);
  return { ...world, calls };
}

describe("an instruction", () => {
  test("is acknowledged as received at once, and as executed when its handler is done", async () => {
    const { clock, node } = await worldWith(
      ({ args }) => new Promise((resolve) => clock.schedule(5000, () => resolve(args["n"]))),
    );
    node.instruct({ id: "i1", args: { n: 7 } });
    await clock.run(1);
    assert.deepEqual(told(node.frames), ["i1 received"]);
    await clock.run(5000);
    const { result, receivedAtUs, begunAtUs, endedAtUs } = node.acknowledgements[1] ?? {};
    assert.equal(result, 7);
    assert.equal((endedAtUs ?? 0) - (begunAtUs ?? 0), 5000);
    assert.equal(receivedAtUs, begunAtUs);
  });

  test("that comes again is answered with what is known, and not begun again", async () => {
    const { clock, node, calls } = await worldWith(
      () => new Promise((resolve) => clock.schedule(5000, () => resolve("first"))),
    );
    node.instruct({ id: "i1" }, { id: "i1" });
    await clock.run(10_000);
    node.instruct({ id: "i1" });
    await clock.run(1);
    assert.deepEqual(told(node.frames), [
      "i1 received",
      "i1 received",
      "i1 executed",
      "i1 executed",
    ]);
    assert.equal(node.acknowledgements.at(-1)?.result, "first");
    assert.deepEqual(calls, ["i1"]);
  });

  test("is expired and not begun when its deadline has passed on the node's clock", async () => {
    const { clock, node, calls } = await worldWith(() => null, { node: { offsetUs: 3_600e6 } });
    node.instruct({ id: "late", deadlineUs: node.nowUs() - 1 });
    node.instruct({ id: "in-time", deadlineUs: node.nowUs() + 1 });
    await clock.run(1);
    assert.deepEqual(told(node.frames), [
      "late expired DEADLINE_EXCEEDED",
      "in-time received",
      "in-time executed",
    ]);
    assert.deepEqual(calls, ["in-time"]);
    assert.equal(node.acknowledgements[0]?.begunAtUs, 0);
  });

  test("without a handler is rejected", async () => {
    const { clock, node } = await worldWith(() => null);
    node.instruct({ id: "i1", action: "fly" });
    await clock.run(1);
    assert.deepEqual(told(node.frames), ["i1 rejected NO_HANDLER"]);
  });

  test("that takes longer than its timeout fails then, its signal is aborted, and its result is not heard", async () => {
    let reason: unknown;
    const { clock, node } = await worldWith(
      (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            resolve("too late");
          });
        }),
    );
    node.instruct({ id: "i1", timeoutUs: 20_000 });
    await clock.run(19_999);
    assert.deepEqual(told(node.frames), ["i1 received"]);
    await clock.run(1);
    assert.deepEqual(told(node.frames), ["i1 received", "i1 failed TIMEOUT"]);
    assert.equal(reason instanceof MyelinError && reason.code, "TIMEOUT");
    node.instruct({ id: "i1" });
    await clock.run(1);
    assert.equal(told(node.frames).at(-1), "i1 failed TIMEOUT");
  });

  test("whose handler asks for its signal late finds it aborted", async () => {
    let isAborted = false;
    const { clock, node } = await worldWith(async (_, context) => {
      await new Promise((resolve) => clock.schedule(2000, () => resolve(null)));
      isAborted = context.signal.aborted;
    });
    node.instruct({ id: "i1", timeoutUs: 1000 });
    await clock.run(3000);
    assert.equal(isAborted, true);
  });

  test("whose handler throws fails with the handler's message, or with the code it chose", async () => {
    const { clock, node } = await worldWith(({ id }) => {
      if (id === "sync") throw new Error("no such worker");
      if (id === "coded") throw new MyelinError("UNSUPPORTED_PLATFORM", "only on Linux");
      return Promise.reject(new Error("x".repeat(5000)));
    });
    node.instruct({ id: "sync" }, { id: "coded" }, { id: "async" });
    await clock.run(1);
    assert.deepEqual(told([node.lastFrame]), [
      "sync received",
      "sync failed HANDLER_FAILED",
      "coded received",
      "coded failed UNSUPPORTED_PLATFORM",
      "async received",
      "async failed HANDLER_FAILED",
    ]);
    assert.equal(node.acknowledgements[1]?.error?.message, "no such worker");
    assert.equal(node.acknowledgements[5]?.error?.message.length, 1024);
  });

  test("whose result is not fit for JSON, or too large, fails", async () => {
    const results: Record<string, unknown> = {
      function: () => 1,
      nan: { deep: [Number.NaN] },
      large: "x".repeat(70_000),
      date: { at: new Date(0), none: undefined },
      nothing: undefined,
    };
    const { clock, node } = await worldWith(({ id }) => results[id]);
    node.instruct(...Object.keys(results).map((id) => ({ id })));
    await clock.run(1);
    assert.deepEqual(
      told(node.frames).filter((line) => !line.endsWith("received")),
      [
        "function failed INVALID_ARGUMENT",
        "nan failed INVALID_ARGUMENT",
        "large failed PAYLOAD_TOO_LARGE",
        "date executed",
        "nothing executed",
      ],
    );
    const executed = node.acknowledgements.filter(({ status }) => status === "executed");
    assert.deepEqual(executed[0]?.result, { at: "1970-01-01T00:00:00.000Z" });
    assert.equal(executed[1]?.result, null);
  });

  test("that was canceled before it came does not begin; one that runs is not disturbed", async () => {
    const { clock, node, calls } = await worldWith(
      () => new Promise((resolve) => clock.schedule(1000, () => resolve(null))),
    );
    node.send((writer) => writer.cancellation({ instructionId: "i1" }));
    node.instruct({ id: "i1" });
    node.instruct({ id: "i2" });
    await clock.run(1);
    node.send((writer) => writer.cancellation({ instructionId: "i2" }));
    await clock.run(2000);
    assert.deepEqual(told(node.frames), ["i1 canceled CANCELED", "i2 received", "i2 executed"]);
    assert.deepEqual(calls, ["i2"]);
  });

  test("is refused as busy while the store of outcomes is full, and nothing known is forgotten", async () => {
    const { clock, node, calls } = await worldWith(() => "done", { agent: { maxOutcomes: 2 } });
    node.instruct({ id: "i1" }, { id: "i2" }, { id: "i3" });
    await clock.run(1);
    assert.equal(told(node.frames).at(-1), "i3 rejected BUSY");
    node.instruct({ id: "i1" }, { id: "late", deadlineUs: 1 });
    await clock.run(1);
    assert.deepEqual(told([node.lastFrame]), ["i1 executed", "late expired DEADLINE_EXCEEDED"]);
    await clock.run(4e6);
    node.instruct({ id: "i4" });
    await clock.run(1);
    assert.equal(told(node.frames).at(-1), "i4 rejected BUSY", "the node has none on disk");
    node.send((writer) => writer.settlement({ instructionIds: ["i1"] }));
    node.instruct({ id: "i5" });
    await clock.run(1);
    assert.deepEqual(calls, ["i1", "i2", "i5"]);
  });

  test("that was refused as busy has the node told again what it has not settled, once in 10 s", async () => {
    const { clock, node } = await worldWith(() => "done", { agent: { maxOutcomes: 2 } });
    const retold = (): string[][] =>
      node.hellos
        .filter(({ outcomes }) => outcomes.length > 0)
        .map(({ outcomes }) => outcomes.map(({ instructionId }) => instructionId));
    node.instruct({ id: "i1" }, { id: "i2" });
    await clock.run(9e6);
    assert.deepEqual(retold(), []);
    node.instruct({ id: "i3" });
    await clock.run(1e6);
    assert.deepEqual(retold(), [["i1", "i2"]]);
    node.send((writer) => writer.settlement({ instructionIds: ["i1"] }));
    node.instruct({ id: "i4" }, { id: "i5" });
    await clock.run(8e6);
    assert.deepEqual(retold().length, 1);
    await clock.run(2e6);
    assert.deepEqual(retold().at(-1), ["i2", "i4"]);
    await clock.run(30e6);
    assert.equal(retold().length, 2, "nothing was refused since");
  });
});

describe("outcomes over a broken connection", () => {
  test("are told by the next hello with action and episode, until the node has settled them", async () => {
    const { clock, node } = await worldWith(({ id }) =>
      id === "slow" ? new Promise(() => {}) : `result of ${id}`,
    );
    const episode = {
      rule: "hot",
      ruleVersion: 2,
      meaningVersion: 1,
      timeLine: "t1",
      startedAtUs: 5,
      attempt: 1,
      appliedUntilUs: 4,
    };
    node.instruct({ id: "i1" }, { id: "i2", episode }, { id: "slow", timeoutUs: 9e6 });
    await clock.run(1);
    node.send((writer) => writer.settlement({ instructionIds: ["i1", "slow"] }));
    await clock.run(1);
    node.cut();
    await clock.run(200_000);
    const outcomes = node.hellos.at(-1)?.outcomes;
    assert.deepEqual(
      outcomes?.map(({ instructionId, status, action, episode: of, result }) => [
        instructionId,
        status,
        action,
        of?.rule,
        result,
      ]),
      [
        ["i2", "executed", "restart", "hot", "result of i2"],
        ["slow", "received", "restart", undefined, undefined],
      ],
    );
  });

  test("that end while the agent is away are told when it is back", async () => {
    const { clock, node } = await worldWith(
      () => new Promise((resolve) => clock.schedule(1000, () => resolve("done"))),
    );
    node.instruct({ id: "i1" });
    await clock.run(1);
    node.isUp = false;
    node.cut();
    await clock.run(2000);
    node.isUp = true;
    await clock.run(5e6);
    const outcome = node.hellos.at(-1)?.outcomes[0];
    assert.deepEqual([outcome?.status, outcome?.result], ["executed", "done"]);
  });

  test("that do not fit into a hello follow the welcome", async () => {
    const { clock, node } = await worldWith(() => "x".repeat(60_000));
    node.instruct(...Array.from({ length: 6 }, (_, index) => ({ id: `i${index}` })));
    await clock.run(1);
    const before = node.frames.length;
    node.cut();
    await clock.run(200_000);
    const later = node.frames.slice(before);
    assert.deepEqual(
      later[0]?.hellos[0]?.outcomes.map(({ instructionId }) => instructionId),
      ["i2", "i3", "i4", "i5"],
    );
    assert.deepEqual(told(later), ["i0 executed", "i1 executed"]);
    assert.equal(later.flatMap(({ acknowledgements }) => acknowledgements)[0]?.action, "restart");
  });

  test("of the newest 1,000 at most are in a hello", async () => {
    const { clock, node } = await worldWith(() => null);
    node.instruct(...Array.from({ length: 1200 }, (_, index) => ({ id: `i${index}` })));
    await clock.run(1);
    const before = node.frames.length;
    node.cut();
    await clock.run(200_000);
    const outcomes = node.hellos.at(-1)?.outcomes ?? [];
    assert.equal(outcomes.length, 1000);
    assert.equal(outcomes.at(-1)?.instructionId, "i1199");
    assert.equal(told(node.frames.slice(before)).length, 200);
  });
});

test("an instruction that another handler registers is known to the next session too", async () => {
  const { clock, node, agent } = await worldWith(() => null);
  agent.on("stop", () => null, { idempotent: true });
  node.cut();
  await clock.run(200_000);
  assert.deepEqual(
    node.hellos.at(-1)?.actions.map(({ name }) => name),
    ["restart", "stop"],
  );
});
