/**
 * The conformance cases of the CEL specification against `compileExpression`, but for those that do not
 * apply: each of these is passed over for a reason that is written here.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { tests as conformance } from "@bufbuild/cel-spec/testdata/conformance.js";
import { compileExpression, TypeValue, Uint, type ValueType } from "./index.ts";

/** Sections that are about what our values or the standard language do not have. */
const sectionsPassedOver: ReadonlyMap<string, string> = new Map([
  ["bindings_ext", "an extension: cel.bind"],
  ["block_ext", "an extension: cel.block"],
  ["dynamic", "protobuf messages"],
  ["encoders_ext", "an extension: base64"],
  ["enums", "protobuf enums"],
  ["macros2", "an extension: comprehensions of two variables"],
  ["math_ext", "an extension: math"],
  ["optionals", "an extension: optional values"],
  ["proto2", "protobuf messages"],
  ["proto2_ext", "protobuf messages"],
  ["proto3", "protobuf messages"],
  ["string_ext", "an extension: more string functions"],
  ["unknowns", "there are no cases in it"],
  ["wrappers", "protobuf messages"],
]);

/** Cases of the other sections, by their path, or by their path and expression. */
const casesPassedOver: readonly (readonly [RegExp, string])[] = [
  [/TestAllTypes|msg\b|google\.protobuf\.[A-Z]\w*\s*\{/, "protobuf messages"],
  [/ .*optional\./, "an extension: optional values"],
  [/_nan /, "deviation (c): NaN is unknown"],
  [
    /_dyn_int_big_lossy_double |_dyn_big_double_int /,
    "numbers are compared by their exact values; the cases round an int to a double first",
  ],
  [/^namespace\/namespace/, "an expression of ours has no container whose names it may shorten"],
  [/ (?:fn|tuple|sort)\(/, "functions are not declared"],
  [
    /flexible_type_parameter_assignment\/(?:list_parameter|unconstrained)/,
    "an empty list is one of dyn",
  ],
];

interface Case {
  /** Sections and name, a space, the expression. */
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Suite {
  readonly name: string;
  readonly suites?: readonly Suite[];
  readonly tests?: readonly { readonly original: unknown }[];
}

function casesOf(suite: Suite, section: string): Case[] {
  const own = (suite.tests ?? []).map(({ original }): Case => {
    const fields = recordOf(original);
    return { path: `${section}/${String(fields["name"])} ${String(fields["expr"])}`, fields };
  });
  const inner = (suite.suites ?? []).flatMap((part) => casesOf(part, `${section}/${part.name}`));
  return [...own, ...inner];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  isRecord(value) ? value : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A value as the cases write it, as `evaluate` answers. */
function valueOf(written: unknown): unknown {
  const [kind, value] = Object.entries(recordOf(written))[0] ?? [];
  switch (kind) {
    case "int64Value":
      return BigInt(String(value));
    case "uint64Value":
      return new Uint(BigInt(String(value)));
    case "doubleValue":
      return Number(value);
    case "bytesValue":
      return Uint8Array.from(Buffer.from(String(value), "base64"));
    case "typeValue":
      return new TypeValue(String(value));
    case "listValue":
      return listOf(recordOf(value)["values"]).map(valueOf);
    case "mapValue":
      return new Map(
        listOf(recordOf(value)["entries"]).map((entry) => [
          valueOf(recordOf(entry)["key"]),
          valueOf(recordOf(entry)["value"]),
        ]),
      );
    case "objectValue":
      return momentOf(recordOf(value));
    default:
      return value;
  }
}

function momentOf(message: Readonly<Record<string, unknown>>): unknown {
  const name = /\.protobuf\.(Timestamp|Duration)$/.exec(String(message["@type"]))?.[1];
  assert.ok(name !== undefined);
  const compiled = compileExpression(`${name.toLowerCase()}("${String(message["value"])}")`);
  assert.ok(compiled.ok);
  return compiled.evaluate();
}

const primitiveTypes: ReadonlyMap<unknown, ValueType> = new Map<unknown, ValueType>([
  ["BOOL", "bool"],
  ["BYTES", "bytes"],
  ["DOUBLE", "double"],
  ["INT64", "int"],
  ["STRING", "string"],
  ["UINT64", "uint"],
  ["TIMESTAMP", "timestamp"],
  ["google.protobuf.Timestamp", "timestamp"],
  ["DURATION", "duration"],
  ["google.protobuf.Duration", "duration"],
]);

/** A type as the cases write it. */
function typeOf(written: unknown): ValueType {
  const fields = recordOf(written);
  if ("null" in fields) return "null";
  if ("type" in fields) return "type";
  if ("listType" in fields) return { list: typeOf(recordOf(fields["listType"])["elemType"]) };
  if ("mapType" in fields) {
    const { keyType, valueType } = recordOf(fields["mapType"]);
    return { key: typeOf(keyType), value: typeOf(valueType) };
  }
  const name = fields["primitive"] ?? fields["wellKnown"] ?? fields["messageType"];
  return primitiveTypes.get(name) ?? "dyn";
}

/** Why a case is passed over; undefined when it is run. */
function reasonFor({ path, fields }: Case): string | undefined {
  const found = casesPassedOver.find(([pattern]) => pattern.test(path));
  if (found !== undefined) return found[1];
  const isRefused = fields["disableCheck"] === true && !compiledOf(fields).ok;
  return isRefused ? "deviation (d): types and names are checked before running" : undefined;
}

function compiledOf(fields: Readonly<Record<string, unknown>>) {
  const declarations = listOf(fields["typeEnv"]).map((declaration) => {
    const { name, ident } = recordOf(declaration);
    return [String(name), typeOf(recordOf(ident)["type"])] as const;
  });
  return compileExpression(String(fields["expr"]), Object.fromEntries(declarations));
}

function run({ path, fields }: Case): void {
  const compiled = compiledOf(fields);
  if (fields["evalError"] !== undefined) {
    // Deviation (b): unknown instead of an error, unless it is refused beforehand.
    if (compiled.ok) assert.equal(compiled.evaluate(bindingsOf(fields)), undefined, path);
    return;
  }
  assert.ok(compiled.ok, `${path}: ${JSON.stringify(compiled)}`);
  const typed = fields["typedResult"];
  if (typed !== undefined)
    assert.deepEqual(compiled.type, typeOf(recordOf(typed)["deducedType"]), path);
  if (fields["checkOnly"] === true) return;
  const expected =
    typed === undefined ? (fields["value"] ?? { boolValue: true }) : recordOf(typed)["result"];
  assert.deepEqual(compiled.evaluate(bindingsOf(fields)), valueOf(expected), path);
}

function bindingsOf(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const bindings = Object.entries(recordOf(fields["bindings"]));
  return Object.fromEntries(
    bindings.map(([name, binding]) => [name, valueOf(recordOf(binding)["value"])]),
  );
}

const cases =
  conformance.suites?.flatMap((suite) =>
    sectionsPassedOver.has(suite.name) ? [] : casesOf(suite, suite.name),
  ) ?? [];

test("the conformance cases of CEL that apply to our values hold", () => {
  const applicable = cases.filter((entry) => reasonFor(entry) === undefined);
  for (const entry of applicable) run(entry);
  assert.ok(applicable.length >= 1_000, `${applicable.length} cases are run`);
});

test("each reason for passing conformance cases over has a case", () => {
  for (const [pattern, reason] of casesPassedOver)
    assert.ok(
      cases.some(({ path }) => pattern.test(path)),
      reason,
    );
  const sections = conformance.suites?.map(({ name }) => name) ?? [];
  for (const section of sectionsPassedOver.keys()) assert.ok(sections.includes(section), section);
});
