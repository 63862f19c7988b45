/** Rules: the language of conditions, from text to plan to JavaScript. */
export {
  type Bindings,
  compileExpression,
  type CompiledExpression,
  type Declarations,
} from "./compile-expression.ts";
export {
  type AttributeName,
  type Expression,
  type FleetFunction,
  type FunctionName,
  isReading,
  partsOfExpression,
  type Reading,
  type WindowFunction,
} from "./expression.ts";
export {
  type AgentAttributes,
  type Column,
  type EvaluationContext,
  type KeptValue,
  type LinkedRule,
  linkRule,
  type PresentEvent,
} from "./link.ts";
export { limits as ruleLimits } from "./limits.ts";
export type { MomentPart } from "./moments.ts";
export { parseExpression } from "./parse.ts";
export type {
  EventInput,
  FleetInput,
  RuleInputs,
  RulePlan,
  RuleSource,
  TimerInput,
  WindowInput,
} from "./plan.ts";
export { type PlanOptions, type PlanResult, planRule } from "./plan-rule.ts";
export {
  formatProblem,
  invalidRules,
  pieceLength,
  type Report,
  type RuleProblem,
} from "./problem.ts";
export { type Bounds, boundsToHold } from "./ranges.ts";
export {
  parseRuleFile,
  readRuleFile,
  type RuleFileOptions,
  type RuleFileResult,
} from "./rule-file.ts";
export { ruleFileSchema } from "./schema.ts";
export { compileSelector, type Selector } from "./selector.ts";
export { compileSql, type SqlResult } from "./sql.ts";
export type { SqlRefusal } from "./sql-expression.ts";
export { didYouMean, editDistance, nearest } from "./suggest.ts";
export type { LiteralSyntax, Macro, Operator, Syntax } from "./syntax.ts";
export type { ArgsTemplate } from "./template.ts";
export { FALSE, TRUE, type Tri, UNKNOWN } from "./tri.ts";
export type { ValueType } from "./types.ts";
export { Duration, Timestamp, TypeValue, Uint } from "./values.ts";
export { keyText, placeInScalar, resolved, startOf } from "./yaml-places.ts";
