/** Backtests on the command line: from files to what rules decide about them, for people and for machines. */
export { type OpenedData, openData } from "./open-data.ts";
export { jsonOfBacktest } from "./json.ts";
export { readRules, type RuleSets, rulesInForce } from "./rule-sets.ts";
export { problemsOfData, textOfBacktest, warningsOfBacktest } from "./text.ts";
