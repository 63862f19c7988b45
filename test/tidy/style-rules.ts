// What STYLE asks of every source file beyond what the formatter, linter and compiler hold.
//
// Rules
// 1. A file has at most 600 lines.
// 2. No mark of unfinished work, no error hidden from the compiler; a linter's rule is put off
//    only with a reason behind `--`.
// 3. No `any` (below test/: not without a reason); a non-null `!` only in a file that states its invariants (tests may).
// 4. A test is never left out or run alone, and does not sleep.
import { type Expression, type Node, Visitor } from "oxc-parser";
import { isGenerated, isTest, type SourceFile } from "./repository.ts";

const maxLines = 600;

/** One line that breaks a rule. */
export interface StyleBreach {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

/** Every breach in one file. */
export function findStyleBreaches(file: SourceFile): StyleBreach[] {
  if (isGenerated(file.path)) return [];
  const breaches: StyleBreach[] = [];
  const add = (line: number, text: string): void => {
    breaches.push({ path: file.path, line, text });
  };
  const lines = file.text.split("\n").length;
  if (lines > maxLines) add(maxLines, `${lines} lines: divide it by subject`);
  checkComments(file, add);
  checkTypes(file, add);
  if (isTest(file.path)) checkTest(file, add);
  return breaches;
}

type Add = (line: number, text: string) => void;

function checkComments(file: SourceFile, add: Add): void {
  for (const { text, line } of file.comments) {
    if (/\b(TODO|FIXME|XXX|HACK)\b/.test(text)) add(line, "do it, or open an issue");
    if (/@ts-(ignore|nocheck)\b/.test(text))
      add(line, "the compiler's errors are not to be hidden");
    if (/@ts-expect-error\b/.test(text) && !isTest(file.path)) {
      add(line, "the compiler's errors are not to be expected outside of tests");
    }
    if (/(oxlint|eslint)-disable/.test(text) && !/ -- \S/.test(text)) {
      add(line, "say why, behind --");
    }
  }
}

function checkTypes(file: SourceFile, add: Add): void {
  const hasInvariants = file.comments.some(({ text }) => /\binvariants?\b/i.test(text));
  new Visitor({
    TSAnyKeyword: (node) => {
      const line = file.lineOf(node.start);
      const isReasoned = file.comments.some(
        (comment) => comment.line === line - 1 && /no-explicit-any -- \S/.test(comment.text),
      );
      if (isReasoned && file.path.startsWith("test/")) return;
      add(line, "any: use unknown, or the type it has");
    },
    TSNonNullExpression: (node) => {
      if (hasInvariants || isTest(file.path)) return;
      add(file.lineOf(node.start), "a non-null ! in a file that states no invariant");
    },
  }).visit(file.program);
}

const runners: ReadonlySet<string> = new Set(["test", "it", "describe", "suite", "t", "context"]);

function checkTest(file: SourceFile, add: Add): void {
  new Visitor({
    MemberExpression: (node) => {
      if (node.object.type !== "Identifier" || !runners.has(node.object.name)) return;
      const name = node.property.type === "Identifier" ? node.property.name : "";
      if (["only", "skip", "todo"].includes(name)) {
        add(file.lineOf(node.start), `a test with .${name}`);
      }
    },
    Property: (node) => {
      const name = node.key.type === "Identifier" ? node.key.name : "";
      if (!["only", "skip", "todo"].includes(name) || node.value.type !== "Literal") return;
      if (node.value.value !== false) add(file.lineOf(node.start), `a test with ${name}`);
    },
    ImportDeclaration: (node) => {
      if (node.source.value === "node:timers/promises") {
        add(file.lineOf(node.start), "a test sleeps: await the event, or use the virtual clock");
      }
    },
    NewExpression: (node) => {
      const executor = node.arguments[0];
      if (node.callee.type !== "Identifier" || node.callee.name !== "Promise") return;
      if (executor !== undefined && resolvesByTimer(executor)) {
        add(file.lineOf(node.start), "a test sleeps: await the event, or use the virtual clock");
      }
    },
  }).visit(file.program);
}

/** True for `(resolve) => setTimeout(resolve, …)`, in any of its spellings. */
function resolvesByTimer(executor: Node): boolean {
  if (executor.type !== "ArrowFunctionExpression" && executor.type !== "FunctionExpression") {
    return false;
  }
  const resolve = executor.params[0];
  if (resolve?.type !== "Identifier" || executor.body === null) return false;
  const body = executor.body;
  const statements = body.type === "BlockStatement" ? body.body : [body];
  return statements.some((statement) => {
    const expression = statement.type === "ExpressionStatement" ? statement.expression : statement;
    return isTimer(expression) && callsBack(expression.arguments[0], resolve.name);
  });
}

function isTimer(node: Node): node is Extract<Expression, { type: "CallExpression" }> {
  return (
    node.type === "CallExpression" &&
    node.callee.type === "Identifier" &&
    node.callee.name === "setTimeout"
  );
}

function callsBack(callback: Node | undefined, name: string): boolean {
  if (callback === undefined) return false;
  if (callback.type === "Identifier") return callback.name === name;
  if (callback.type !== "ArrowFunctionExpression") return false;
  const { body } = callback;
  const first = body.type === "BlockStatement" ? body.body[0] : body;
  const call = first?.type === "ExpressionStatement" ? first.expression : first;
  return (
    call?.type === "CallExpression" &&
    call.callee.type === "Identifier" &&
    call.callee.name === name
  );
}
