import { MyelinError } from "../errors/index.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Names one agent of a fleet. */
export type AgentId = Branded<"AgentId">;
/** Names one program of an agent, such as `app` or `supervisor`. */
export type PartName = Branded<"PartName">;
/** Names one life of a part, from process start to end. */
export type Incarnation = Branded<"Incarnation">;
/** Names one live attachment of a part to a node. */
export type SessionId = Branded<"SessionId">;
/** Names a rule. */
export type RuleName = Branded<"RuleName">;
/** Names one instruction, for ever. */
export type InstructionId = Branded<"InstructionId">;
/** Names what an agent is told to do. */
export type ActionName = Branded<"ActionName">;
/** Names a metric. */
export type MetricName = Branded<"MetricName">;

function parser<Id extends string>(
  what: string,
  pattern: RegExp,
  form: string,
): (text: string) => Id {
  return (text) => {
    if (typeof text === "string" && pattern.test(text)) return text as Id;
    const shown = JSON.stringify(String(text).slice(0, 80));
    const article = /^[aeiou]/.test(what) ? "An" : "A";
    throw new MyelinError("INVALID_ARGUMENT", `${shown} is not a valid ${what}`, {
      hint: `${article} ${what} is ${form}.`,
    });
  };
}

/** @throws MyelinError INVALID_ARGUMENT */
export const parseAgentId: (text: string) => AgentId = parser(
  "agent id",
  /^[A-Za-z0-9][A-Za-z0-9._:@~+=-]{0,127}$/,
  "1 to 128 letters, digits or . _ : @ ~ + = -, beginning with a letter or digit",
);
/** @throws MyelinError INVALID_ARGUMENT */
export const parsePartName: (text: string) => PartName = parser(
  "part name",
  /^[a-z0-9][a-z0-9-]{0,31}$/,
  "1 to 32 of a-z, 0-9 and -",
);
/** @throws MyelinError INVALID_ARGUMENT */
export const parseIncarnation: (text: string) => Incarnation = parser(
  "incarnation",
  /^[A-Za-z0-9_-]{1,64}$/,
  "1 to 64 of A-Z, a-z, 0-9, _ and -",
);
/** @throws MyelinError INVALID_ARGUMENT */
export const parseSessionId: (text: string) => SessionId = parser(
  "session id",
  /^[A-Za-z0-9_-]{1,64}$/,
  "1 to 64 of A-Z, a-z, 0-9, _ and -",
);
/** @throws MyelinError INVALID_ARGUMENT */
export const parseRuleName: (text: string) => RuleName = parser(
  "rule name",
  /^[a-z0-9-]{1,64}$/,
  "1 to 64 of a-z, 0-9 and -",
);
/** @throws MyelinError INVALID_ARGUMENT */
export const parseInstructionId: (text: string) => InstructionId = parser(
  "instruction id",
  /^[A-Za-z0-9_-]{1,64}$/,
  "1 to 64 of A-Z, a-z, 0-9, _ and -",
);
/** @throws MyelinError INVALID_ARGUMENT */
export const parseActionName: (text: string) => ActionName = parser(
  "action name",
  /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/,
  "1 to 64 letters, digits or . _ -, beginning with a letter",
);
/** @throws MyelinError INVALID_ARGUMENT */
export const parseMetricName: (text: string) => MetricName = parser(
  "metric name",
  /^[A-Za-z_][A-Za-z0-9_.:/-]{0,127}$/,
  "1 to 128 letters, digits or _ . : / -, beginning with a letter or _",
);
