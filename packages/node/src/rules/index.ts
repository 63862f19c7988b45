/** The rules of the node: which are in force, every version of them, and the switch over all. */
export type { FieldChange, RuleDifference } from "./difference.ts";
export { Enforcement, type EnforcementOptions } from "./enforcement.ts";
export {
  type ApplyOptions,
  RuleBook,
  type RuleBookOptions,
  type RuleChange,
  type RuleEntry,
} from "./rule-book.ts";
export type { Precondition } from "./etag.ts";
export { Slices } from "./slices.ts";
