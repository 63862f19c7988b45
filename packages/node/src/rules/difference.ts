import type { JsonValue } from "@myelin/core/json";
import type { RuleSource } from "@myelin/core/rules";
import { canonicalJson } from "../json/index.ts";
import type { RuleRecord } from "../ports/store.ts";

/** One field that two versions of a rule have differently; absent where the version has it not. */
export interface FieldChange {
  readonly field: string;
  readonly before?: JsonValue;
  readonly after?: JsonValue;
}

/** What changed from one version of a rule to another. */
export interface RuleDifference {
  readonly name: string;
  /** Undefined before the first version. */
  readonly from: RuleRecord | undefined;
  readonly to: RuleRecord;
  readonly changes: readonly FieldChange[];
  /** True when the change started the rule's state afresh. */
  readonly isMeaningChanged: boolean;
}

/** Compares two versions of a rule, field by field. A version that deleted the rule has no fields. */
export function differenceOf(from: RuleRecord | undefined, to: RuleRecord): RuleDifference {
  const before = fieldsOf(from);
  const after = fieldsOf(to);
  const fields = [...new Set([...before.keys(), ...after.keys()])];
  return {
    name: to.name,
    from,
    to,
    changes: fields.flatMap((field) => {
      const [one, other] = [before.get(field), after.get(field)];
      if (textOf(one) === textOf(other)) return [];
      return {
        field,
        ...(one === undefined ? {} : { before: one }),
        ...(other === undefined ? {} : { after: other }),
      };
    }),
    isMeaningChanged: from?.meaningVersion !== to.meaningVersion || from.isDeleted !== to.isDeleted,
  };
}

function fieldsOf(record: RuleRecord | undefined): Map<string, JsonValue> {
  if (record === undefined || record.isDeleted) return new Map();
  const fields: Readonly<Record<keyof RuleSource, JsonValue>> = { ...record.source } as never;
  return new Map(Object.entries(fields));
}

function textOf(value: JsonValue | undefined): string {
  return value === undefined ? "" : canonicalJson(value);
}
