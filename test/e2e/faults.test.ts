// A full disk and broken connections, for real.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect as dial, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "@myelin/agent";
import {
  AgentProcess,
  eventually,
  NodeProcess,
  temporaryDirectory,
  ways,
} from "./support/index.ts";

/** Mounts a small file system at `path`. */
function mountSmall(path: string): Disposable {
  mkdirSync(path);
  const options = ["-t", "tmpfs", "-o", "size=3m", "tmpfs", path];
  assert.equal(spawnSync("mount", options).status, 0);
  return { [Symbol.dispose]: () => void spawnSync("umount", ["-l", path]) };
}

const whyNoMount =
  process.getuid?.() === 0 && process.platform === "linux"
    ? false
    : "mounting a small file system takes root on Linux";

/** Takes all the space that is left, and gives it back. */
function fill(path: string): Disposable {
  const file = join(path, "ballast");
  for (let sizeBytes = 3 << 20; sizeBytes >= 512; sizeBytes >>= 1) {
    for (let isTaken = true; isTaken; ) {
      try {
        writeFileSync(file, Buffer.alloc(sizeBytes), { flag: "a" });
      } catch {
        isTaken = false;
      }
    }
  }
  return { [Symbol.dispose]: () => rmSync(file) };
}

test("a full disk refuses acceptances with STORAGE_FULL, control by rules goes on, and it recovers by itself", {
  skip: whyNoMount,
}, async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "small");
  using _mounted = mountSmall(path);
  await using node = await NodeProcess.start(path);
  await node.applyRules([{ name: "hot", expr: "cpu_usage > 0.9", action: "work" }]);
  await using agent = await AgentProcess.start(node.url, "a1");
  assert.equal((await node.send({ to: "a1", action: "work" })).status, 200);
  {
    using _ballast = fill(path);
    const refused = await eventually("the store has noticed", async () => {
      // Until then one may be accepted whose end the disk does not take: it would be waited for.
      const answer = await node.send({ to: "a1", action: "work", wait: "100ms" });
      return answer.status === 507 && answer;
    });
    assert.equal(refused.body.code, "STORAGE_FULL");
    const before = agent.begun.length;
    agent.report({ cpu_usage: 0.95 });
    await agent.nthBegun(before + 1);
    const stop = await node.send({ to: "a1", action: "work", durability: "memory" });
    assert.equal(stop.body.instructions[0].status, "executed");
    let tries = 0;
    await eventually("what little room is left is taken, and rules are refused", async () => {
      const rules = [{ name: "other", expr: `a > ${++tries}`, action: "work" }];
      return (await node.call("POST", "/api/v1/rules", { rules })).status === 507;
    });
  }
  await eventually(
    "the store takes writes again",
    async () => (await node.send({ to: "a1", action: "work" })).status === 200,
  );
});

/** A proxy before a node's address, of the same kind, whose connections can be cut. */
async function startProxy(
  url: string,
  directory: string,
): Promise<{ readonly url: string; cut(): void } & Disposable> {
  const isUnix = url.startsWith("unix:");
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = isUnix
      ? dial(url.slice("unix:".length))
      : dial(Number(new URL(url).port), "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  const path = join(directory, "proxy.sock");
  await new Promise<void>((resolve) =>
    isUnix ? server.listen(path, resolve) : server.listen(0, "127.0.0.1", resolve),
  );
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: isUnix ? `unix:${path}` : `ws://127.0.0.1:${port}`,
    cut,
    [Symbol.dispose]: () => {
      cut();
      server.close();
    },
  };
}

for (const way of ways) {
  test(`over ${way.name}: a session is resumed over a broken connection: identity, what was reported meanwhile, and an instruction's outcome are kept`, async () => {
    await using directory = await temporaryDirectory();
    await using node = await NodeProcess.start(directory.path, way.argsOf(directory.path));
    using proxy = await startProxy(way.urlOf(node), directory.path);
    await using agent = await connect({
      url: proxy.url,
      id: "a1",
      type: "test",
    });
    const finish = Promise.withResolvers<string>();
    const begun = Promise.withResolvers<void>();
    agent.on("wait", async () => {
      begun.resolve();
      return await finish.promise;
    });
    agent.report({ steps: 1 });
    const sent = node.send({ to: "a1", action: "wait", wait: "20s" });
    await begun.promise;
    const { sessionId } = agent.status as { sessionId: string };
    const resumed = Promise.withResolvers<boolean>();
    agent.onStatus((status) => {
      if (status.state === "waiting") agent.report({ steps: 2 });
      if (status.state === "live")
        resumed.resolve(status.isResumed && status.sessionId === sessionId);
    });
    proxy.cut();
    assert.equal(await resumed.promise, true);
    finish.resolve("done");
    assert.equal((await sent).body.instructions[0].result, "done");
    await eventually(
      "what was reported meanwhile has arrived",
      async () => (await node.get("/api/v1/agents/a1")).body.metrics.steps.value === 2,
    );
    assert.deepEqual([agent.statistics.droppedSamples, agent.statistics.reconnects], [0, 1]);
  });
}
