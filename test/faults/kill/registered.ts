// The data directory of a node that knows many agents.
import { openSqliteStore } from "../../../packages/node/src/adapters/sqlite-store/index.ts";
import {
  agentRecord,
  episodeRecord,
  instructionRecord,
  ruleRecord,
} from "../../../packages/node/src/ports/test-support.ts";

const ruleCount = 20;
const endedCount = 5000;

/** Fills a data directory with agents, an open episode of each, 20 rules and 5,000 ended instructions. */
export async function register(directory: string, agentCount: number): Promise<void> {
  const store = await openSqliteStore({ directory });
  const ids = Array.from({ length: agentCount }, (_, index) => `agent-${index}`);
  await store.saveAgents(ids.map((id) => agentRecord(id)));
  const rules = Array.from({ length: ruleCount }, (_, index) =>
    ruleRecord(`rule-${index}`, 1, {
      source: { name: `rule-${index}`, expr: `metric_${index} > 0.9`, action: "restart" },
    }),
  );
  await store.saveRules(rules);
  const episodes = ids.map((id, index) =>
    episodeRecord(id, `rule-${index % ruleCount}`, { meaningVersion: 1 }),
  );
  await store.saveEpisodes(episodes, []);
  const ended = Array.from({ length: endedCount }, (_, index) =>
    instructionRecord(`ended-${index}`, { batch: `b${index}`, idempotencyKey: `e${index}` }),
  );
  await store.acceptInstructions(ended);
  const endedAtUs = Date.now() * 1000;
  await store.updateInstructions(
    ended.map(({ id }) => ({ id, status: "executed" as const, endedAtUs, result: null })),
  );
  await store.close();
}
