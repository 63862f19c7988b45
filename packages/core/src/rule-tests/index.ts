/** Tests of rules, as they are written: cases in promtool's notation, from text to what is to happen and what is expected. */
export { checkTests } from "./check-tests.ts";
export { rulesAfter } from "./rule-changes.ts";
export { parseRuleTests, type RuleTestsResult } from "./rule-test-file.ts";
export {
  type Expectation,
  type ExpectedInstruction,
  type ExpectedState,
  type FilePlace,
  type InstructionMode,
  type NamedFile,
  type OutcomeStatus,
  type RuleStateName,
  type RuleTest,
  type RuleTests,
  type RuleTestSettings,
  type TestAgent,
  type TestChange,
  type TestEvent,
  type TestOutcome,
  type TestRestart,
  type TestRuleChange,
  type TestRuleChanges,
  type TestSeries,
} from "./rule-tests.ts";
export { ruleTestsSchema } from "./schema.ts";
export { parseSeries, type SeriesFault, type SeriesValues } from "./series.ts";
