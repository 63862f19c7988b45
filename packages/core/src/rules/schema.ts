import type { JsonObject } from "../json/index.ts";
import { type FieldForm, fieldNames, ruleFields } from "./fields.ts";
import { limits } from "./limits.ts";

const durationPattern = "^(?:[0-9]+(?:\\.[0-9]+)?(?:us|ms|s|m|h|d))+$";

/**
 * The JSON Schema of rule files, for editors: made of the table that the reader goes by. What it lets pass may still be
 * refused, since it does not read expressions.
 */
export function ruleFileSchema(): JsonObject {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Rules of Myelin",
    type: "object",
    required: ["rules"],
    additionalProperties: false,
    properties: {
      rules: {
        type: ["array", "null"],
        maxItems: limits.rulesPerFile,
        items: { $ref: "#/$defs/rule" },
      },
    },
    $defs: {
      rule: {
        type: "object",
        required: fieldNames.filter((name) => ruleFields[name].isRequired === true),
        additionalProperties: false,
        properties: Object.fromEntries(
          fieldNames.map((name) => {
            const { form, brief } = ruleFields[name];
            return [name, { description: brief, ...schemaOf(form) }];
          }),
        ),
      },
    },
  };
}

function schemaOf(form: FieldForm): JsonObject {
  switch (form.kind) {
    case "name":
      return { type: "string", minLength: 1 };
    case "text":
      return { type: "string", maxLength: limits.descriptionLength };
    case "condition":
      return { type: "string", minLength: 1, maxLength: limits.expressionLength };
    case "duration":
      return { type: "string", pattern: durationPattern };
    case "limit":
      return {
        type: "string",
        pattern: "^\\s*[0-9]{1,7}\\s*/\\s*(?:[0-9]+(?:\\.[0-9]+)?(?:us|ms|s|m|h|d))+\\s*$",
      };
    case "args":
      return { type: "object" };
    case "whole":
      return { type: "integer", minimum: form.from, maximum: form.to };
    case "word":
      return { enum: form.words };
  }
}
