/**
 * Many agents in one process, which write down what they begin before they do it, so that what a
 * killed process has begun is known: `begun LIFE AGENT ID ACTION`. Told `leave`, it ends.
 *
 * `work` takes up to 20 ms and is not idempotent, `again` is; `tick` is what rules cause.
 */
import { openSync, writeSync } from "node:fs";
import { createAgent } from "@myelin/agent";

const [url = "", path = "", life = "", names = ""] = process.argv.slice(2);
const file = openSync(path, "a");
const longestWorkMs = 20;
/** Of all agents together, 400 reports a second. */
const msPerReport = 2.5;

async function join(id: string): Promise<{ report(value: number): void }> {
  const agent = createAgent({ url, id, type: "crowd", backoff: { baseMs: 20, capMs: 250 } });
  for (const action of ["work", "again", "tick"]) {
    agent.on(
      action,
      async (instruction) => {
        writeSync(file, `begun ${life} ${id} ${instruction.id} ${action}\n`);
        const { promise, resolve } = Promise.withResolvers<void>();
        setTimeout(resolve, Math.random() * longestWorkMs);
        await promise;
        return { life };
      },
      { idempotent: action === "again" },
    );
  }
  await agent.connect();
  return { report: (load) => agent.report({ load }) };
}

const agents = await Promise.all(names.split(",").map(join));
setInterval(() => {
  for (const agent of agents) agent.report(Math.random());
}, msPerReport * agents.length);
process.on("message", () => process.exit(0));
process.on("disconnect", () => process.exit(0));
process.send?.("joined");
