import type { JsonObject, JsonValue } from "../json/index.ts";
import { checkExpression } from "./check.ts";
import type { Scope } from "./checking.ts";
import type { Expression } from "./expression.ts";
import { limits } from "./limits.ts";
import { parseExpression } from "./parse.ts";
import { scanExpression } from "./scan.ts";

/**
 * The arguments of an instruction, before the values of an agent are put in: plain JSON. A text is
 * its parts in order, each as it is or an expression; even a text that is one `${…}` alone yields
 * text, never a number.
 */
export type ArgsTemplate =
  | { readonly kind: "constant"; readonly value: JsonValue }
  | { readonly kind: "text"; readonly parts: readonly (string | Expression)[] }
  | { readonly kind: "list"; readonly items: readonly ArgsTemplate[] }
  | { readonly kind: "object"; readonly entries: readonly (readonly [string, ArgsTemplate])[] };

/** Takes a problem at a place within `args`: the way to the text, and the offset in it. */
export type ReportAt = (
  path: readonly (string | number)[],
  offset: number,
  message: string,
  hint?: string,
) => void;

/** Reads `args`; texts may hold `${CEL}`, and `$${` is `${`. */
export function parseArgs(args: JsonObject, scope: Scope, report: ReportAt): ArgsTemplate {
  return parseValue(args, ["args"], scope, report);
}

function parseValue(
  value: JsonValue,
  path: readonly (string | number)[],
  scope: Scope,
  report: ReportAt,
): ArgsTemplate {
  if (path.length > limits.argsNestingLevels) {
    report(path, 0, `args nest deeper than ${limits.argsNestingLevels} levels`);
    return { kind: "constant", value: null };
  }
  if (typeof value === "string") return parseText(value, path, scope, report);
  if (typeof value !== "object" || value === null) return { kind: "constant", value };
  if (isList(value)) {
    return listOf(value.map((item, index) => parseValue(item, [...path, index], scope, report)));
  }
  return objectOf(
    Object.entries(value).map(([key, member]) => [
      key,
      parseValue(member, [...path, key], scope, report),
    ]),
  );
}

function isList(value: readonly JsonValue[] | JsonObject): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** A list without expressions is a constant. */
function listOf(items: readonly ArgsTemplate[]): ArgsTemplate {
  const constants = items.flatMap((item) => (item.kind === "constant" ? [item.value] : []));
  if (constants.length < items.length) return { kind: "list", items };
  return { kind: "constant", value: constants };
}

/** An object without expressions is a constant. */
function objectOf(entries: readonly (readonly [string, ArgsTemplate])[]): ArgsTemplate {
  const constants = entries.flatMap(([key, item]): [string, JsonValue][] =>
    item.kind === "constant" ? [[key, item.value]] : [],
  );
  if (constants.length < entries.length) return { kind: "object", entries };
  return { kind: "constant", value: Object.fromEntries(constants) };
}

function parseText(
  text: string,
  path: readonly (string | number)[],
  scope: Scope,
  report: ReportAt,
): ArgsTemplate {
  const parts: (string | Expression)[] = [];
  let plain = "";
  let position = 0;
  while (position < text.length) {
    if (text.startsWith("$${", position)) {
      plain += "${";
      position += 3;
    } else if (text.startsWith("${", position)) {
      const start = position + 2;
      const scan = scanExpression(text, start, true);
      const reportHere = (offset: number, message: string, hint?: string): void =>
        report(path, offset, message, hint);
      if (scan.problem !== undefined) {
        reportHere(Math.max(0, scan.problem.offset), scan.problem.message, scan.problem.hint);
        return { kind: "constant", value: null };
      }
      const expression = parsePlaceholder(text.slice(start, scan.end), start, scope, reportHere);
      if (plain !== "") parts.push(plain);
      plain = "";
      if (expression !== undefined) parts.push(expression);
      position = scan.end + 1;
    } else {
      const next = text.indexOf("$", position + 1);
      const end = next === -1 ? text.length : next;
      plain += text.slice(position, end);
      position = end;
    }
  }
  if (parts.length === 0) return { kind: "constant", value: plain };
  return { kind: "text", parts: plain === "" ? parts : [...parts, plain] };
}

function parsePlaceholder(
  source: string,
  start: number,
  scope: Scope,
  report: (offset: number, message: string, hint?: string) => void,
): Expression | undefined {
  const reportWithin = (offset: number, message: string, hint?: string): void =>
    report(start + offset, message, hint);
  const syntax = parseExpression(source, reportWithin);
  return syntax && checkExpression(syntax, scope, reportWithin);
}

/** The expressions of a template, in order. */
export function expressionsOf(template: ArgsTemplate): readonly Expression[] {
  switch (template.kind) {
    case "constant":
      return [];
    case "text":
      return template.parts.filter((part) => typeof part !== "string");
    case "list":
      return template.items.flatMap(expressionsOf);
    case "object":
      return template.entries.flatMap(([, item]) => expressionsOf(item));
  }
}

/**
 * Puts texts in the place of a template's expressions.
 * @param textOf The text of the expression of that number, in the order of {@link expressionsOf}.
 */
export function fillTemplate(
  template: ArgsTemplate,
  textOf: (number: number) => string,
): JsonValue {
  let number = 0;
  const fill = (part: ArgsTemplate): JsonValue => {
    switch (part.kind) {
      case "constant":
        return part.value;
      case "text":
        return part.parts
          .map((piece) => (typeof piece === "string" ? piece : textOf(number++)))
          .join("");
      case "list":
        return part.items.map(fill);
      case "object":
        return Object.fromEntries(part.entries.map(([key, item]) => [key, fill(item)]));
    }
  };
  return fill(template);
}
