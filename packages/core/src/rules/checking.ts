import type { Expression } from "./expression.ts";
import type { Report } from "./problem.ts";
import type { LiteralSyntax, Syntax } from "./syntax.ts";

/** What an expression may read: everything, or the agent's attributes (without `uptime`) only. */
export type Readable = "everything" | "attributes";

/** What the parts of the checker share. */
export interface Checking {
  readonly report: Report;
  readonly readable: Readable;
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
