import { parseDuration } from "../clock/index.ts";
import { MyelinError } from "../errors/index.ts";
import { isJsonObject, type JsonObject, type JsonValue, pathToWrongNumber } from "../json/index.ts";
import { limits } from "./limits.ts";
import type { RuleSource } from "./plan.ts";
import type { Place, RuleProblem } from "./problem.ts";
import { didYouMean } from "./suggest.ts";

/**
 * Where a problem stands: the way to a value of the rule, and the offset in it when it is a text;
 * or the value's key.
 */
export type Locate = (path: readonly (string | number)[], offset: number | "key") => Place;

/** How a field is written. */
export type FieldForm =
  | { readonly kind: "name" | "text" | "condition" | "duration" | "limit" | "args" }
  | { readonly kind: "whole"; readonly from: number; readonly to: number }
  | { readonly kind: "word"; readonly words: readonly string[] };

/** A field of a rule: how it is written, what it means, and whether every rule has it. */
export interface RuleField {
  readonly form: FieldForm;
  readonly brief: string;
  readonly isRequired?: true;
}

/** Every field of a rule: what the reader takes, and the schema of rule files says. */
export const ruleFields: Readonly<Record<keyof RuleSource, RuleField>> = {
  name: { form: { kind: "name" }, brief: "Unique: 1 to 64 of a-z, 0-9 and -.", isRequired: true },
  description: { form: { kind: "text" }, brief: "For people." },
  where: { form: { kind: "condition" }, brief: "Which agents: a condition over agent.*." },
  expr: {
    form: { kind: "condition" },
    brief: "The condition; it may end with a duration, as in cpu > 0.9 for 10s.",
    isRequired: true,
  },
  for: { form: { kind: "duration" }, brief: "Pending until expr has held this long." },
  keep_firing_for: {
    form: { kind: "duration" },
    brief: "Stays firing this long after its end began to hold.",
  },
  resolve: {
    form: { kind: "condition" },
    brief: "Once firing, only this ends it; by default that expr no longer holds.",
  },
  missing: {
    form: { kind: "word", words: ["reset", "hold"] },
    brief: "What an unknown expr does while pending.",
  },
  unless: {
    form: { kind: "name" },
    brief: "Another rule: while it fires for the agent, this one's expr counts as false.",
  },
  action: { form: { kind: "name" }, brief: "What the agent is told to do.", isRequired: true },
  args: { form: { kind: "args" }, brief: "Arguments of the action; texts may hold ${CEL}." },
  priority: { form: { kind: "whole", from: 1, to: 10 }, brief: "Business weight." },
  sla: { form: { kind: "duration" }, brief: "Target from the sample to executed." },
  deadline: { form: { kind: "duration" }, brief: "Start by, after the decision." },
  timeout: { form: { kind: "duration" }, brief: "Finish by, once begun." },
  cooldown: {
    form: { kind: "duration" },
    brief: "Per agent: from the instruction until this long after its end the rule does not fire.",
  },
  attempts: {
    form: { kind: "whole", from: 1, to: limits.attempts },
    brief: "Instructions of one episode, if the last one failed.",
  },
  limit: {
    form: { kind: "limit" },
    brief: "Firings over all agents, as in 20/1m: more than this open the rule's breaker.",
  },
  mode: {
    form: { kind: "word", words: ["enforce", "shadow", "off"] },
    brief: "shadow decides and accounts, and sends nothing.",
  },
};

/** The name of every field of a rule. */
export const fieldNames: readonly (keyof RuleSource)[] = Object.keys(
  ruleFields,
) as (keyof RuleSource)[];

/** Reads the fields of one rule as they were given, and collects what is wrong with them. */
export class FieldReader {
  readonly problems: RuleProblem[] = [];
  readonly #fields: JsonObject;
  readonly #locate: Locate;

  constructor(fields: JsonObject, locate: Locate) {
    this.#fields = fields;
    this.#locate = locate;
  }

  get hasErrors(): boolean {
    return this.problems.some((problem) => problem.severity === "error");
  }

  /** Adds an error at a value of the rule. */
  refuse(
    path: readonly (string | number)[],
    offset: number | "key",
    message: string,
    hint?: string,
  ): undefined {
    this.#tell("error", path, offset, message, hint);
  }

  /** Adds a warning at a field of the rule. */
  warn(field: keyof RuleSource, message: string, hint: string): void {
    this.#tell("warning", [field], 0, message, hint);
  }

  #tell(
    severity: RuleProblem["severity"],
    path: readonly (string | number)[],
    offset: number | "key",
    message: string,
    hint: string | undefined,
  ): void {
    const name = this.#value("name");
    this.problems.push({
      severity,
      ...(typeof name === "string" ? { rule: name.slice(0, 80) } : {}),
      ...(path.length === 0 ? {} : { field: path.join(".") }),
      ...this.#locate(path, offset),
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  /** Refuses fields that rules do not have. */
  refuseUnknownFields(): void {
    for (const key of Object.keys(this.#fields)) {
      if (fieldNames.some((name) => name === key)) continue;
      const hint = didYouMean(key, fieldNames) ?? `a rule has ${fieldNames.join(", ")}`;
      this.refuse([key], "key", `unknown key ${JSON.stringify(key.slice(0, 80))}`, hint);
    }
  }

  #value(field: string): JsonValue | undefined {
    return Object.hasOwn(this.#fields, field) ? (this.#fields[field] ?? undefined) : undefined;
  }

  isGiven(field: keyof RuleSource): boolean {
    return this.#value(field) !== undefined;
  }

  text(field: keyof RuleSource): string | undefined {
    const value = this.#value(field);
    if (value === undefined || typeof value === "string") return value;
    return this.refuse([field], 0, `${field} must be text`, "put it in quotes");
  }

  /** A field that the rule cannot do without. */
  requiredText(field: keyof RuleSource): string | undefined {
    if (this.isGiven(field)) return this.text(field);
    return this.refuse([], 0, `the rule has no ${field}`);
  }

  /** A name, read by its own parser. */
  name<Id>(
    field: keyof RuleSource,
    text: string | undefined,
    parse: (text: string) => Id,
  ): Id | undefined {
    if (text === undefined) return undefined;
    try {
      return parse(text);
    } catch (thrown) {
      const error = MyelinError.from(thrown);
      return this.refuse([field], 0, error.message, error.hint);
    }
  }

  /** Microseconds of a duration field; `isPositive` refuses 0. */
  duration(field: keyof RuleSource, isPositive: boolean): number | undefined {
    const value = this.#value(field);
    if (typeof value === "number") {
      return this.refuse([field], 0, `${field} has no unit`, `write ${value}s or ${value}ms`);
    }
    const text = this.text(field);
    return text === undefined ? undefined : this.durationText([field], 0, text, isPositive);
  }

  durationText(
    path: readonly (string | number)[],
    offset: number,
    text: string,
    isPositive: boolean,
  ): number | undefined {
    try {
      const durationUs = parseDuration(text);
      if (durationUs > limits.durationUs)
        return this.refuse(path, offset, "the duration is longer than 30 days");
      if (isPositive && durationUs === 0)
        return this.refuse(path, offset, "the duration must be above 0");
      return durationUs;
    } catch (thrown) {
      const error = MyelinError.from(thrown);
      return this.refuse(path, offset, error.message, error.hint);
    }
  }

  /** A whole number within bounds. */
  whole(field: keyof RuleSource, from: number, to: number): number | undefined {
    const value = this.#value(field);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= from && value <= to)
      return value;
    return this.refuse([field], 0, `${field} must be a whole number from ${from} to ${to}`);
  }

  /** One of a few words. */
  word<Word extends string>(field: keyof RuleSource, words: readonly Word[]): Word | undefined {
    const text = this.text(field);
    if (text === undefined) return undefined;
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    const hint = didYouMean(text, words) ?? `write ${words.join(" or ")}`;
    return this.refuse([field], 0, `${JSON.stringify(text.slice(0, 80))} is no ${field}`, hint);
  }

  /** `20/1m`: a count and a duration. */
  limit(): { count: number; perUs: number } | undefined {
    const value = this.#value("limit");
    if (value === undefined) return undefined;
    const text = typeof value === "string" ? value : "";
    const slash = text.indexOf("/");
    const count = Number(/^\d{1,7}$/.exec(text.slice(0, Math.max(0, slash)).trim())?.[0]);
    if (!(count >= 1 && count <= limits.limitCount)) {
      return this.refuse(["limit"], 0, "limit must be a count and a duration", "write it as 20/1m");
    }
    const perUs = this.durationText(["limit"], slash + 1, text.slice(slash + 1).trim(), true);
    return perUs === undefined ? undefined : { count, perUs };
  }

  /** `args`: an object of JSON. */
  args(): JsonObject {
    const value = this.#value("args");
    if (value === undefined) return {};
    if (!isJsonObject(value)) {
      this.refuse(["args"], 0, "args must be a map", "write args: { key: value }");
      return {};
    }
    const path = pathToWrongNumber(value, limits.argsNestingLevels);
    if (path !== undefined) {
      this.refuse(["args", ...path], 0, "the number is not finite");
      return {};
    }
    if (JSON.stringify(value).length <= limits.argsLength) return value;
    this.refuse(["args"], 0, `args are longer than ${limits.argsLength} characters of JSON`);
    return {};
  }
}
