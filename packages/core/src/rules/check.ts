import { MyelinError } from "../errors/index.ts";
import { parseMetricName } from "../ids/index.ts";
import { checkCall } from "./check-call.ts";
import { checkOperator } from "./check-operator.ts";
import { type Checking, literalExpression, type Scope } from "./checking.ts";
import type { AttributeName, Expression } from "./expression.ts";
import { limits } from "./limits.ts";
import type { Report } from "./problem.ts";
import { didYouMean, nearest } from "./suggest.ts";
import type { Syntax } from "./syntax.ts";
import {
  describeType,
  isListType,
  isMapType,
  joinTypes,
  typeNames,
  type ValueType,
} from "./types.ts";

const attributeTypes: Readonly<Record<AttributeName, ValueType>> = {
  id: "string",
  type: "string",
  tier: "string",
  labels: { key: "string", value: "string" },
  capabilities: { list: "string" },
  uptime: "double",
};
const eventTypes: Readonly<Record<"type" | "attrs", ValueType>> = {
  type: "string",
  attrs: { key: "string", value: "dyn" },
};
const roots: readonly string[] = ["agent", "twin", "event"];

/** Stands for a part in error; the plan that would hold it is never made. */
const broken: Expression = { op: "literal", type: "dyn", value: null };

/** Types an expression, or reports why it has no type. */
export function checkExpression(
  syntax: Syntax,
  scope: Scope,
  report: Report,
): Expression | undefined {
  let hasError = false;
  const checker = new Checker(scope, (offset, message, hint) => {
    hasError = true;
    report(offset, message, hint);
  });
  const expression = checker.check(syntax);
  return hasError ? undefined : expression;
}

/** Types an expression that must be true, false or unknown. */
export function checkCondition(
  syntax: Syntax,
  scope: Scope,
  report: Report,
): Expression | undefined {
  const expression = checkExpression(syntax, scope, report);
  if (expression === undefined || expression.type === "bool" || expression.type === "dyn") {
    return expression;
  }
  const message = `the condition is of type ${describeType(expression.type)}, not bool`;
  report(syntax.offset, message, "compare it with something, as in x > 0.9");
  return undefined;
}

class Checker implements Checking {
  readonly scope: Scope;
  readonly report: Report;
  readonly #variables: { name: string; variable: number; type: ValueType }[] = [];
  #variableCount = 0;

  constructor(scope: Scope, report: Report) {
    this.scope = scope;
    this.report = report;
  }

  check(syntax: Syntax): Expression {
    switch (syntax.kind) {
      case "literal":
        return literalExpression(syntax);
      case "name":
        return this.#name(syntax.name, syntax.offset);
      case "select":
        return this.#select(syntax);
      case "has":
        return this.#has(syntax);
      case "operator":
        return checkOperator(syntax, this) ?? broken;
      case "call":
        return checkCall(syntax, this) ?? broken;
      case "list":
        return this.#list(syntax.elements);
      case "map":
        return this.#map(syntax.entries);
      case "macro":
        return this.#macro(syntax);
    }
  }

  #refuse(offset: number, message: string, hint?: string): Expression {
    this.report(offset, message, hint);
    return broken;
  }

  isVariable(name: string): boolean {
    return this.#variables.some((variable) => variable.name === name);
  }

  #name(name: string, offset: number): Expression {
    const variable = this.#variables.findLast((candidate) => candidate.name === name);
    if (variable !== undefined)
      return { op: "variable", type: variable.type, variable: variable.variable };
    const declared = this.scope.declared?.get(name);
    if (declared !== undefined) return { op: "binding", type: declared, name };
    if (typeNames.has(name) && name !== "dyn") return { op: "literal", type: "type", value: name };
    if (this.scope.readable === "declared") return this.#refuseUndeclared(name, offset);
    if (name === "agent")
      return this.#refuse(
        offset,
        "agent is no value by itself",
        "read a field of it, such as agent.id",
      );
    if (this.scope.readable === "attributes") {
      return this.#refuse(
        offset,
        `${name} cannot be read here`,
        "only agent.id, agent.type, agent.tier, agent.labels and agent.capabilities can",
      );
    }
    if (name === "event")
      return this.#refuse(
        offset,
        "event is no value by itself",
        "read event.type, or event.attrs and its fields",
      );
    if (name === "twin") return { op: "twin", type: { key: "string", value: "dyn" } };
    if (name === "dyn") {
      const hint = 'write metric("dyn") for a metric of that name';
      return this.#refuse(offset, "dyn is the name of a type", hint);
    }
    return this.#metric(name, offset);
  }

  #metric(name: string, offset: number): Expression {
    try {
      return { op: "metric", type: "double", metric: parseMetricName(name) };
    } catch (thrown) {
      const error = MyelinError.from(thrown);
      return this.#refuse(offset, error.message, error.hint);
    }
  }

  #refuseUndeclared(name: string, offset: number): Expression {
    const declared = [...(this.scope.declared?.keys() ?? [])];
    const hint =
      didYouMean(name, declared) ??
      (declared.length === 0 ? undefined : `there are ${declared.slice(0, 20).join(", ")}`);
    return this.#refuse(offset, `unknown name ${JSON.stringify(name)}`, hint);
  }

  #event(field: string, offset: number, rootOffset: number): Expression {
    if (this.scope.readable === "attributes") return this.#name("event", rootOffset);
    if (field !== "type" && field !== "attrs") {
      const hint =
        didYouMean(field, ["type", "attrs"]) ?? `its attributes are event.attrs.${field}`;
      return this.#refuse(offset, `unknown event field ${JSON.stringify(field)}`, hint);
    }
    return { op: "event", type: eventTypes[field], field };
  }

  #attribute(field: string, offset: number): Expression {
    if (!isAttributeName(field)) {
      const known = Object.keys(attributeTypes);
      const meant = nearest(field, known);
      const hint =
        meant === undefined
          ? `there are ${known.join(", ")}; its labels are agent.labels.${field}`
          : `did you mean agent.${meant}?`;
      return this.#refuse(offset, `unknown agent field ${JSON.stringify(field)}`, hint);
    }
    if (field === "uptime" && this.scope.readable === "attributes") {
      return this.#refuse(
        offset,
        "agent.uptime cannot be read here",
        "it changes all the time; read it in expr",
      );
    }
    return { op: "attribute", type: attributeTypes[field], attribute: field };
  }

  /** True for `agent` or `event` where it is not the name of something else. */
  #isRoot(root: "agent" | "event", syntax: Syntax): boolean {
    return (
      syntax.kind === "name" &&
      syntax.name === root &&
      this.scope.readable !== "declared" &&
      !this.isVariable(root)
    );
  }

  #select(syntax: Extract<Syntax, { kind: "select" }>): Expression {
    const { operand: operandSyntax, field, offset } = syntax;
    if (this.#isRoot("agent", operandSyntax)) return this.#attribute(field, offset);
    if (this.#isRoot("event", operandSyntax))
      return this.#event(field, offset, operandSyntax.offset);
    const declared = this.#declaredName(syntax);
    if (declared !== undefined) return declared;
    const dotted = this.#dottedName(syntax);
    if (dotted !== undefined && typeNames.has(dotted.name))
      return { op: "literal", type: "type", value: dotted.name };
    if (dotted !== undefined) return this.#refuseDotted(dotted, offset);
    const operand = this.check(operandSyntax);
    const type = this.#fieldType(operand.type, field, offset);
    return type === undefined ? broken : { op: "select", type, operand, field };
  }

  /** `a.b.c` where that is a declared name, which goes before a field `c` of `a.b`. */
  #declaredName(syntax: Syntax): Expression | undefined {
    const name = this.scope.declared === undefined ? undefined : chainOf(syntax);
    if (name === undefined || this.isVariable(name.slice(0, name.indexOf(".")))) return undefined;
    const type = this.scope.declared?.get(name);
    return type === undefined ? undefined : { op: "binding", type, name };
  }

  /** `a.b.c` where `a` is neither a variable nor a root: not a value, but perhaps meant as one. */
  #dottedName(syntax: Syntax): { root: string; name: string; offset: number } | undefined {
    if (syntax.kind === "name") {
      const { name, offset } = syntax;
      const isRoot = this.scope.readable !== "declared" && roots.includes(name);
      const isValue = isRoot || this.isVariable(name) || this.scope.declared?.has(name) === true;
      return isValue ? undefined : { root: name, name, offset };
    }
    if (syntax.kind !== "select" || this.#declaredName(syntax) !== undefined) return undefined;
    const operand = this.#dottedName(syntax.operand);
    return operand && { ...operand, name: `${operand.name}.${syntax.field}` };
  }

  #refuseDotted(
    dotted: { root: string; name: string; offset: number },
    offset: number,
  ): Expression {
    if (this.scope.readable === "declared")
      return this.#refuseUndeclared(dotted.root, dotted.offset);
    const meant = didYouMean(dotted.root, roots);
    if (meant !== undefined) {
      return this.#refuse(dotted.offset, `unknown name ${JSON.stringify(dotted.root)}`, meant);
    }
    const hint = `write metric("${dotted.name}") for a metric of that name`;
    return this.#refuse(offset, `${dotted.root} is a metric and has no fields`, hint);
  }

  #fieldType(type: ValueType, field: string, offset: number): ValueType | undefined {
    if (type === "dyn") return "dyn";
    if (isMapType(type) && joinTypes(type.key, "string") !== undefined) return type.value;
    this.report(offset, `a ${describeType(type)} has no field ${JSON.stringify(field)}`);
    return undefined;
  }

  #has(syntax: Extract<Syntax, { kind: "has" }>): Expression {
    const { operand: operandSyntax, field, offset } = syntax;
    if (this.#isRoot("event", operandSyntax)) {
      const event = this.#event(field, offset, operandSyntax.offset);
      // True at an event, and unknown at any other evaluation.
      return event === broken
        ? broken
        : { op: "call", type: "bool", function: "equal", args: [event, event] };
    }
    if (this.#isRoot("agent", operandSyntax)) {
      const attribute = this.#attribute(field, offset);
      return attribute === broken ? broken : { op: "literal", type: "bool", value: true };
    }
    const dotted = this.#dottedName(operandSyntax);
    if (dotted !== undefined)
      return this.#refuseDotted({ ...dotted, name: `${dotted.name}.${field}` }, offset);
    const operand = this.check(operandSyntax);
    const type = this.#fieldType(operand.type, field, offset);
    return type === undefined ? broken : { op: "has", type: "bool", operand, field };
  }

  #list(syntaxes: readonly Syntax[]): Expression {
    const elements = syntaxes.map((syntax) => this.check(syntax));
    return { op: "list", type: { list: commonType(elements) }, elements };
  }

  #map(syntaxes: readonly (readonly [Syntax, Syntax])[]): Expression {
    const entries = syntaxes.map(([keySyntax, valueSyntax]): readonly [Expression, Expression] => {
      const key = this.check(keySyntax);
      if (key.type === "double" || typeof key.type === "object" || key.type === "null") {
        this.report(
          keySyntax.offset,
          `a ${describeType(key.type)} cannot be a key`,
          "keys are string, int, uint or bool",
        );
      }
      return [key, this.check(valueSyntax)];
    });
    const key = commonType(entries.map((entry) => entry[0]));
    return {
      op: "map",
      type: { key, value: commonType(entries.map((entry) => entry[1])) },
      entries,
    };
  }

  #macro(syntax: Extract<Syntax, { kind: "macro" }>): Expression {
    const { macro, offset, variable: name } = syntax;
    if (this.#variables.length >= limits.comprehensionLevels) {
      return this.#refuse(
        offset,
        `${macro} nests deeper than ${limits.comprehensionLevels} levels`,
        "report what you need as a metric or a field of the twin",
      );
    }
    const range = this.check(syntax.range);
    const elementType = isListType(range.type)
      ? range.type.list
      : isMapType(range.type)
        ? range.type.key
        : range.type;
    if (range.type !== "dyn" && elementType === range.type) {
      return this.#refuse(
        offset,
        `${macro} runs over lists and maps, not over a ${describeType(range.type)}`,
      );
    }
    this.#variableCount += 1;
    const variable = this.#variableCount;
    this.#variables.push({ name, variable, type: elementType });
    const predicate = syntax.predicate && this.check(syntax.predicate);
    const body = syntax.body && this.check(syntax.body);
    this.#variables.pop();
    if (predicate !== undefined && predicate.type !== "bool" && predicate.type !== "dyn") {
      return this.#refuse(
        syntax.predicate?.offset ?? offset,
        `the condition of ${macro} is of type ${describeType(predicate.type)}, not bool`,
      );
    }
    return {
      op: "comprehension",
      type:
        macro === "filter"
          ? { list: elementType }
          : macro === "map"
            ? { list: body?.type ?? "dyn" }
            : "bool",
      macro,
      variable,
      range,
      ...(predicate === undefined ? {} : { predicate }),
      ...(body === undefined ? {} : { body }),
    };
  }
}

/** `a.b.c` as text; undefined for what is no chain of names. */
function chainOf(syntax: Syntax): string | undefined {
  if (syntax.kind === "name") return syntax.name;
  const operand = syntax.kind === "select" ? chainOf(syntax.operand) : undefined;
  return operand === undefined || syntax.kind !== "select"
    ? undefined
    : `${operand}.${syntax.field}`;
}

function isAttributeName(name: string): name is AttributeName {
  return Object.hasOwn(attributeTypes, name);
}

/** The type of all, or `dyn` when they differ or there is none. */
function commonType(expressions: readonly Expression[]): ValueType {
  const [first, ...rest] = expressions;
  if (first === undefined) return "dyn";
  return rest.reduce<ValueType>((type, next) => joinTypes(type, next.type) ?? "dyn", first.type);
}
