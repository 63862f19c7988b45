/** Tests of rules: what happens is told to the engine in virtual time, and what is expected is looked for. */
export { type Failure, runRuleTest, type RuleTestOutcome } from "./run.ts";
export type { Excerpt, ExcerptRow } from "./excerpt.ts";
