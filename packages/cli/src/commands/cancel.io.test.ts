import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "@myelin/agent";
import { createLog, startNode } from "@myelin/node";
import { exitCodes } from "../exit-codes.ts";
import { myelin } from "./test-support.ts";

test("an instruction is called off while it waits for its agent, and refused once it has begun", async () => {
  const log = await createLog({ level: "error", isReadable: false });
  const node = await startNode({ port: 0, storage: "memory", log });
  const env = { MYELIN_URL: node.httpUrl };
  const options = { url: node.url, id: "w1" };
  const former = await connect(options);
  try {
    former.on("cool", () => "cooled");
    const sent = await myelin(["send", "cool", "--to", "w1", "--json"], env);
    const [{ id: done }] = JSON.parse(sent.out).instructions;
    const refused = await myelin(["cancel", done], env);
    assert.deepEqual([refused.code, refused.out], [exitCodes.failure, ""]);
    assert.match(
      refused.err,
      /^error CONFLICT: .* is executed\n {2}Only what has not begun can be/,
    );

    await former.close();
    const waiting = await myelin(
      ["send", "cool", "--to", "w1", "--deadline", "1h", "--wait", "0s", "--json"],
      env,
    );
    const [{ id }] = JSON.parse(waiting.out).instructions;
    assert.ok((await myelin(["ledger", "--status", "accepted"], env)).out.includes(id));
    const canceled = await myelin(["cancel", id], env);
    assert.deepEqual(canceled, {
      code: exitCodes.success,
      out: "instruction cool to w1 is canceled\n",
      err: "",
    });
    const again = await myelin(["cancel", id, "--json"], env);
    assert.match(again.err, /^error CONFLICT: .* is canceled\n/);
  } finally {
    await former.close();
    await node.close();
  }
});

test("an instruction that its agent has been sent is asked back, and said to be so", async () => {
  const log = await createLog({ level: "error", isReadable: false });
  const node = await startNode({ port: 0, storage: "memory", log });
  const env = { MYELIN_URL: node.httpUrl };
  const socket = new WebSocket(node.url, "myelin.v1.json");
  try {
    const frames: string[] = [];
    const heard = (part: string): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (frames.some((frame) => frame.includes(part))) resolve();
        };
        socket.addEventListener("message", look);
        look();
      });
    socket.addEventListener("message", ({ data }) => frames.push(String(data)));
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
    const hello = { protocol_version: 1, agent_id: "w1", part: "app", incarnation: "one" };
    const actions = [{ name: "cool", is_idempotent: false }];
    socket.send(JSON.stringify({ operations: [{ hello: { ...hello, actions } }] }));
    await heard("welcome");
    const sent = await myelin(["send", "cool", "--to", "w1", "--wait", "0s", "--json"], env);
    const [{ id }] = JSON.parse(sent.out).instructions;
    await heard(id);
    const { code, out } = await myelin(["cancel", id], env);
    assert.equal(code, exitCodes.failure);
    assert.equal(
      out,
      "instruction cool to w1 is sent: its agent was asked to drop it, and has not answered yet\n",
    );
    await heard("cancellation");
  } finally {
    socket.close();
    await node.close();
  }
});

test("an id that no instruction has is not found, and one that can be none is a wrong command", async () => {
  const log = await createLog({ level: "error", isReadable: false });
  const node = await startNode({ port: 0, storage: "memory", log });
  const env = { MYELIN_URL: node.httpUrl };
  try {
    const { code, err } = await myelin(["cancel", "Rp2m3y-1ieDbX3FADmsF1g"], env);
    assert.deepEqual([code, err.startsWith("error NOT_FOUND: ")], [exitCodes.notFound, true]);
    assert.equal((await myelin(["cancel", "no such id!"], env)).code, exitCodes.usage);
  } finally {
    await node.close();
  }
});
