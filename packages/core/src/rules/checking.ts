import type { Expression } from "./expression.ts";
import type { Report } from "./problem.ts";
import type { LiteralSyntax, Syntax } from "./syntax.ts";
import type { ValueType } from "./types.ts";

/** What an expression may read: everything, the agent's attributes (without `uptime`) only, or what was declared only. */
export type Readable = "everything" | "attributes" | "declared";

/** What there is for an expression. */
export interface Scope {
  readonly readable: Readable;
  /** Types of names, where what was declared is readable. */
  readonly declared?: ReadonlyMap<string, ValueType>;
}

/** What the parts of the checker share. */
export interface Checking {
  readonly report: Report;
  readonly scope: Scope;
  /** True inside a macro that names its variable so. */
  isVariable(name: string): boolean;
  /** Checks a part; one in error is reported once and becomes `dyn`, so that nothing follows from it. */
  check(syntax: Syntax): Expression;
}

/** An `int` or `double` literal, as the plan holds it. */
export function literalExpression(syntax: LiteralSyntax): Expression {
  if (typeof syntax.value === "bigint") {
    return { op: "literal", type: syntax.type, value: String(syntax.value) };
  }
  if (!Object.is(syntax.value, -0))
    return { op: "literal", type: syntax.type, value: syntax.value };
  const zero: Expression = { op: "literal", type: "double", value: 0 };
  return { op: "call", type: "double", function: "negate", args: [zero] };
}
