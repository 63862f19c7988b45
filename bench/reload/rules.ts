/** Agents that are live while rules are applied. */
export const agents = 10_000;
/** Metrics of each agent; half of the agents report 0.4, half 0.6. */
export const metrics = 10;
/** Each agent reports all its metrics this often, which is its sign of life, too. */
export const reportEveryMs = 4000;
/** Rules of a set that is applied. */
export const ruleCount = 100;

/** A set whose rules all have another meaning than in the set of any other number. */
export function ruleSet(number: number): string {
  const rules = Array.from({ length: ruleCount }, (_, at) => ({
    name: `set-${at}`,
    ...(at % 2 === 0 ? {} : { where: `agent.type == "bench" && agent.id != "agent-${at}"` }),
    expr: `m${at % metrics} > ${0.9 + number / 1e4} && m${(at + 1) % metrics} > 0.5`,
    for: "1s",
    action: "measure",
    args: { reason: `set-${at}: m${at % metrics} is \${m${at % metrics}} on \${agent.id}` },
    priority: 1 + (at % 10),
    sla: "10ms",
  }));
  return JSON.stringify({ rules });
}

/** Rules that are in force before, and whose state must outlive every set. */
export function keptRules(): string {
  const common = { action: "measure", cooldown: "1h" };
  return JSON.stringify({
    rules: [
      { name: "kept-firing", expr: "m0 > 0.5", ...common, mode: "shadow" },
      { name: "kept-pending", expr: "m1 > 0.5", for: "1h", ...common },
    ],
  });
}
