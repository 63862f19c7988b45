import { checkCondition } from "./check.ts";
import type { Scope } from "./checking.ts";
import { type AgentAttributes, compile, type EvaluationContext } from "./link.ts";
import { parseExpression } from "./parse.ts";
import { pieceLength, placeOf, type RuleProblem } from "./problem.ts";
import { type Tri, UNKNOWN } from "./tri.ts";

/** A test of agents, or why there is none. */
export type Selector =
  | { readonly ok: true; matches(attributes: AgentAttributes): Tri }
  | { readonly ok: false; readonly problems: readonly RuleProblem[] };

const scope: Scope = { readable: "attributes" };

/** Compiles a selector of agents such as `agent.type == "trader"`; it reads attributes without `uptime`. */
export function compileSelector(text: string): Selector {
  const problems: RuleProblem[] = [];
  const report = (offset: number, message: string, hint?: string): void => {
    const mend = hint === undefined ? {} : { hint };
    problems.push({
      severity: "error",
      ...placeOf(text, offset),
      length: pieceLength(text, offset),
      message,
      ...mend,
    });
  };
  const syntax = parseExpression(text, report);
  const expression = syntax && checkCondition(syntax, scope, report);
  if (expression === undefined) return { ok: false, problems };
  let examined: AgentAttributes | undefined;
  const context: EvaluationContext = {
    nowUs: 0,
    column: () => ({ values: new Float64Array() }),
    attributes: () => examined ?? { id: "", type: "", tier: "", labels: {}, capabilities: [] },
    joinedAtUs: () => 0,
    twin: () => ({}),
  };
  // Wanted as Tri, and the writer makes what is wanted.
  const [test] = compile([{ expression, form: "tri" }], context) as ((slot: number) => Tri)[];
  return {
    ok: true,
    matches: (attributes) => {
      examined = attributes;
      return test?.(0) ?? UNKNOWN;
    },
  };
}
