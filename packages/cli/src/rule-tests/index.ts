/** Tests of rules on the command line: from files to what became of each test, for people and for machines. */
export { type FileResult, type Result, runFiles } from "./run-files.ts";
export { jsonResult } from "./json.ts";
export { junitOf } from "./junit.ts";
export { problemsOfResult, textOfResult } from "./text.ts";
export { Changes } from "./changes.ts";
