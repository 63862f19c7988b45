/** The states of a rule for an agent: inactive, pending, firing. */
import type { Agent, Cell } from "./agent.ts";
import type { Ground } from "./ground.ts";
import type { OracleRule } from "./rule.ts";

/** One step of a rule's state; true when an instruction is to be given. */
export function step(
  ground: Ground,
  rule: OracleRule,
  agent: Agent,
  atUs: number,
  condition: unknown,
  resolves: boolean,
): boolean {
  const cell = agent.cell(rule.name);
  return cell.state === "firing"
    ? stepFiring(ground, rule, agent, cell, atUs, condition, resolves)
    : stepWaiting(ground, rule, agent, cell, atUs, condition);
}

function stepWaiting(
  ground: Ground,
  rule: OracleRule,
  agent: Agent,
  cell: Cell,
  atUs: number,
  condition: unknown,
): boolean {
  const { unless, missing = "reset" } = rule.source;
  const isKept = unless !== undefined && wasFiring(ground, unless, agent, atUs);
  if (condition !== true || isKept) {
    const isUnknown = condition !== true && condition !== false;
    if (!isUnknown || missing === "reset") cell.state = "inactive";
    return false;
  }
  if (cell.state === "inactive") cell.sinceUs = atUs;
  cell.state = "pending";
  if (atUs < cell.sinceUs + rule.forUs || atUs < cell.cooldownUntilUs) return false;
  enterOrLeaveFiring(cell, "firing", atUs);
  cell.attempt = 1;
  return true;
}

function stepFiring(
  ground: Ground,
  rule: OracleRule,
  agent: Agent,
  cell: Cell,
  atUs: number,
  condition: unknown,
  resolves: boolean,
): boolean {
  const isOver = rule.resolve === undefined ? condition === false : condition !== true && resolves;
  if (isOver) {
    cell.endingSinceUs ??= atUs;
    if (atUs >= cell.endingSinceUs + rule.keepUs) {
      end(ground, rule, agent, atUs);
      return false;
    }
  } else cell.endingSinceUs = undefined;
  const mayTryAgain = cell.hasFailed && cell.attempt < rule.attempts;
  if (!mayTryAgain || atUs < cell.cooldownUntilUs) return false;
  cell.attempt += 1;
  return true;
}

/** Whether a rule fired before this instant. */
function wasFiring(ground: Ground, rule: string, agent: Agent, atUs: number): boolean {
  if (!ground.rules.some(({ name }) => name === rule)) return false;
  const cell = agent.cell(rule);
  return cell.changedUs === atUs ? cell.wasFiring : cell.state === "firing";
}

function enterOrLeaveFiring(cell: Cell, state: Cell["state"], atUs: number): void {
  if (cell.changedUs !== atUs) {
    cell.wasFiring = cell.state === "firing";
    cell.changedUs = atUs;
  }
  cell.state = state;
  cell.endingSinceUs = undefined;
}

export function end(ground: Ground, rule: OracleRule, agent: Agent, atUs: number): void {
  const cell = agent.cell(rule.name);
  enterOrLeaveFiring(cell, "inactive", atUs);
  const { sinceUs } = cell;
  ground.happenings.push({ kind: "ends", rule: rule.name, agent: agent.id, atUs, sinceUs });
}

/** Ends whatever a rule was doing for an agent. */
export function makeInactive(ground: Ground, rule: OracleRule, agent: Agent, atUs: number): void {
  const cell = agent.cell(rule.name);
  if (cell.state === "firing") end(ground, rule, agent, atUs);
  cell.state = "inactive";
}
