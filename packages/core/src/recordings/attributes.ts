import type { AgentAttributes } from "../rules/index.ts";
import { Fault } from "./data-problem.ts";
import { shown } from "./plain-values.ts";

const tiers: readonly string[] = ["device", "edge", "cloud"];

/** What an agent is of which nothing is said. */
export function defaultAttributes(id: string): AgentAttributes {
  return { id, type: "agent", tier: "device", labels: {}, capabilities: [] };
}

export function isTier(text: string): boolean {
  return tiers.includes(text);
}

export function tierFault(text: string): Fault {
  return new Fault(`${shown(text)} is no tier`, `it is ${tiers.join(", ")}`);
}
