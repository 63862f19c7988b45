/** Rules: the language of conditions, from text to plan to JavaScript. */
export type { AttributeName, Expression, FunctionName } from "./expression.ts";
export {
  type AgentAttributes,
  type Column,
  type EvaluationContext,
  type LinkedRule,
  linkRule,
} from "./link.ts";
export type {
  EventInput,
  FleetInput,
  RuleInputs,
  RulePlan,
  RuleSource,
  TimerInput,
  WindowInput,
} from "./plan.ts";
export { type PlanResult, planRule } from "./plan-rule.ts";
export { formatProblem, type RuleProblem } from "./problem.ts";
export {
  parseRuleFile,
  readRuleFile,
  type RuleFileOptions,
  type RuleFileResult,
} from "./rule-file.ts";
export { compileSelector, type Selector } from "./selector.ts";
export { editDistance, nearest } from "./suggest.ts";
export type { Macro } from "./syntax.ts";
export type { ArgsTemplate } from "./template.ts";
export { FALSE, TRUE, type Tri, UNKNOWN } from "./tri.ts";
export type { ValueType } from "./types.ts";
