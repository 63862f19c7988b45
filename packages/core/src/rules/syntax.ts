/** Where a piece of syntax stands: the offset in its expression's text. */
interface Located {
  readonly offset: number;
}

/** The operators of CEL, as written; `neg` is the unary minus. */
export type Operator =
  | "&&"
  | "||"
  | "!"
  | "neg"
  | "+"
  | "-"
  | "*"
  | "/"
  | "%"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "in"
  | "?:"
  | "[]";

/** The macros that run over the elements of a list or the keys of a map. */
export type Macro = "all" | "exists" | "exists_one" | "filter" | "map";

/** An integer, unsigned, double, string, bytes, bool or null as written. */
export type LiteralSyntax = Located &
  (
    | { readonly kind: "literal"; readonly type: "int" | "uint"; readonly value: bigint }
    | { readonly kind: "literal"; readonly type: "double"; readonly value: number }
    | { readonly kind: "literal"; readonly type: "string"; readonly value: string }
    /** Each character stands for a byte. */
    | { readonly kind: "literal"; readonly type: "bytes"; readonly value: string }
    | { readonly kind: "literal"; readonly type: "bool"; readonly value: boolean }
    | { readonly kind: "literal"; readonly type: "null"; readonly value: null }
  );

/** An expression as parsed: sugar and white space gone, nothing resolved or typed. Chains of `&&` and `||` are flat. */
export type Syntax =
  | LiteralSyntax
  | (Located & { readonly kind: "name"; readonly name: string })
  | (Located & { readonly kind: "select"; readonly operand: Syntax; readonly field: string })
  | (Located & { readonly kind: "has"; readonly operand: Syntax; readonly field: string })
  | (Located & {
      readonly kind: "operator";
      readonly operator: Operator;
      readonly operands: readonly Syntax[];
    })
  | (Located & {
      readonly kind: "call";
      readonly name: string;
      readonly target?: Syntax;
      readonly args: readonly Syntax[];
    })
  | (Located & { readonly kind: "list"; readonly elements: readonly Syntax[] })
  | (Located & { readonly kind: "map"; readonly entries: readonly (readonly [Syntax, Syntax])[] })
  | (Located & {
      readonly kind: "macro";
      readonly macro: Macro;
      readonly range: Syntax;
      readonly variable: string;
      /** The condition of `all`, `exists`, `exists_one`, `filter` and of `map` with three arguments. */
      readonly predicate?: Syntax;
      /** What `map` makes of an element. */
      readonly body?: Syntax;
    });

/**
 * The syntax as one canonical text, the same for expressions that differ only in white space,
 * comments, redundant brackets or the quotes of their strings.
 */
export function canonicalText(syntax: Syntax): string {
  switch (syntax.kind) {
    case "literal":
      return `${syntax.type}:${typeof syntax.value === "string" ? JSON.stringify(syntax.value) : literalText(syntax.value)}`;
    case "name":
      return syntax.name;
    case "select":
    case "has":
      return `(${syntax.kind} ${canonicalText(syntax.operand)} ${JSON.stringify(syntax.field)})`;
    case "operator":
      return `(${[syntax.operator, ...syntax.operands.map(canonicalText)].join(" ")})`;
    case "call": {
      const target = syntax.target === undefined ? "" : `${canonicalText(syntax.target)}.`;
      return `(call ${[target + syntax.name, ...syntax.args.map(canonicalText)].join(" ")})`;
    }
    case "list":
      return `[${syntax.elements.map(canonicalText).join(" ")}]`;
    case "map":
      return `{${syntax.entries.map((entry) => entry.map(canonicalText).join(":")).join(" ")}}`;
    case "macro": {
      const predicate = syntax.predicate === undefined ? "-" : canonicalText(syntax.predicate);
      const body = syntax.body === undefined ? "-" : canonicalText(syntax.body);
      return `(${syntax.macro} ${canonicalText(syntax.range)} ${syntax.variable} ${predicate} ${body})`;
    }
  }
}

function literalText(value: bigint | number | boolean | null): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
