export { RuleBook, type RuleBookOptions, type RuleChange, type RuleEntry } from "./rule-book.ts";
