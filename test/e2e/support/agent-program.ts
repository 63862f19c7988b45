/**
 * An agent in a process of its own, driven over its IPC channel by a test. It performs `work` (ends at
 * once), `wait` (ends when told), and `again` (idempotent, ends when told), and tells each beginning.
 */
import { type AgentStatus, connect } from "@myelin/agent";

type Order =
  | { readonly report: Record<string, number> }
  | { readonly finish: string }
  | { readonly leave: true };

const finish = new Map<string, () => void>();
const told = new Set<string>();
const agent = await connect({
  url: process.argv[2] ?? "",
  id: process.argv[3] ?? "",
  type: "test",
});
const tell = (message: unknown): void => void process.send?.(message);

function untilTold(id: string): Promise<void> {
  if (told.has(id)) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  finish.set(id, resolve);
  return promise;
}

agent.on("work", (instruction) => {
  tell({ begun: instruction.id, action: "work" });
  return { worked: true };
});
for (const [action, idempotent] of [
  ["wait", false],
  ["again", true],
] as const) {
  agent.on(
    action,
    async (instruction) => {
      tell({ begun: instruction.id, action });
      await untilTold(instruction.id);
      return { waited: true };
    },
    { idempotent },
  );
}

process.on("message", (order: Order) => {
  if ("report" in order) agent.report(order.report);
  else if ("finish" in order) {
    told.add(order.finish);
    finish.get(order.finish)?.();
  } else void agent.close().then(() => process.exit(0));
});
process.on("disconnect", () => process.exit(0));
const tellStatus = (status: AgentStatus): void => {
  const cause = "cause" in status ? status.cause?.code : undefined;
  tell({ status: status.state, ...(cause === undefined ? {} : { cause }) });
};
agent.onStatus(tellStatus);
tellStatus(agent.status);
