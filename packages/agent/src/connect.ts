import { Agent } from "./agent.ts";
import type { ConnectOptions } from "./connection/index.ts";
import type { AgentOptions } from "./options.ts";

/**
 * Makes an agent that does not connect yet, so that handlers can be registered first; then `agent.connect()`.
 * @throws MyelinError INVALID_ARGUMENT
 */
export function createAgent(options?: AgentOptions): Agent {
  return new Agent(options);
}

/**
 * Makes an agent and connects it. Resolves at the node's first welcome; a node that is not up yet is waited for.
 * @throws MyelinError as `agent.connect`
 */
export async function connect(options: AgentOptions & ConnectOptions = {}): Promise<Agent> {
  const agent = new Agent(options);
  await agent.connect(options);
  return agent;
}
