/** Instructions that rules give: cooldowns, attempts, breakers. */
import { parseDuration } from "@myelin/core/clock";
import { score } from "@myelin/core/schedule";
import type { Agent } from "./agent.ts";
import { OracleBreaker } from "./breaker.ts";
import type { Ground } from "./ground.ts";
import type { Happening, Input } from "./history.ts";
import type { OracleRule } from "./rule.ts";

export type Firing = Extract<Happening, { kind: "fires" }>;

/** An instruction is given. */
export function fire(
  ground: Ground,
  rule: OracleRule,
  agent: Agent,
  atUs: number,
): { firing: Firing; score: number } {
  const cell = agent.cell(rule.name);
  const isSuppressed = countFiring(ground, rule);
  const isShadow = rule.source.mode === "shadow" || !ground.isEnforcing;
  cell.emittedUs = cell.sinceUs;
  cell.hasFailed = false;
  if (rule.cooldownUs > 0)
    cell.cooldownUntilUs =
      isShadow || isSuppressed ? atUs + rule.cooldownUs : Number.POSITIVE_INFINITY;
  const { sinceUs, attempt } = cell;
  const impact = [...ground.agents.values()].filter(
    (other) => other.cell(rule.name).state === "firing",
  ).length;
  const { sla } = rule.source;
  const slaUs = sla === undefined ? undefined : parseDuration(sla);
  return {
    firing: {
      kind: "fires",
      rule: rule.name,
      agent: agent.id,
      atUs,
      sinceUs,
      attempt,
      isShadow,
      isSuppressed,
    },
    score: score({ priority: rule.source.priority ?? 5, slaUs, impact }),
  };
}

/** Counts a firing; true when the breaker is open. */
function countFiring(ground: Ground, { name, limit }: OracleRule): boolean {
  if (limit === undefined) return false;
  const breaker = ground.breakers.get(name) ?? new OracleBreaker();
  ground.breakers.set(name, breaker);
  if (ground.nowUs >= breaker.closesUs(limit.perUs) && breaker.close())
    ground.tellBreaker(name, false);
  if (breaker.fire(ground.nowUs, limit.count, limit.perUs)) ground.tellBreaker(name, true);
  return breaker.isOpen;
}

/** An instruction ends: its cooldown runs from then. */
export function endInstruction(ground: Ground, input: Extract<Input, { kind: "ended" }>): void {
  const rule = ground.rules.find(({ name }) => name === input.rule);
  const agent = ground.agents.get(input.agent);
  if (rule === undefined || agent === undefined) return;
  const cell = agent.cell(rule.name);
  const untilUs = rule.cooldownUs > 0 ? input.nowUs + rule.cooldownUs : Number.NEGATIVE_INFINITY;
  if (cell.emittedUs !== input.sinceUs || cell.attempt !== input.attempt) {
    // One of an earlier episode can only make the cooldown longer.
    cell.cooldownUntilUs = Math.max(cell.cooldownUntilUs, untilUs);
    return;
  }
  cell.cooldownUntilUs = untilUs;
  const isPresent = cell.state === "firing" && cell.sinceUs === input.sinceUs;
  if (isPresent) cell.hasFailed = !input.succeeded;
}
