import assert from "node:assert/strict";
import { test } from "node:test";
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FrameSchema } from "../gen/myelin/v1/frame_pb.ts";
import { type Field, frame, type MessageSchema } from "./schema.ts";

const wellKnown: Readonly<Record<string, string>> = {
  "google.protobuf.Struct": "struct",
  "google.protobuf.Value": "value",
};

/** The kind that the table must give a field of the generated code. */
function kindOf(field: DescField): string {
  if (field.fieldKind === "map") return "texts";
  const message = field.message;
  if (message !== undefined) return wellKnown[message.typeName] ?? "message";
  if (field.enum !== undefined) return "enum";
  return ScalarType[Number(field.scalar)]?.toLowerCase() ?? "";
}

/** Names of an enum's values as the table has them. */
function valuesOf(field: DescField): readonly string[] | undefined {
  const prefix = `${field.enum?.sharedPrefix ?? ""}`;
  return field.enum?.values.map(({ name }) => name.slice(prefix.length).toLowerCase());
}

function hold(table: MessageSchema, generated: DescMessage, seen: Set<string>): void {
  if (seen.has(generated.typeName)) return;
  seen.add(generated.typeName);
  const described = new Map<string, unknown>();
  for (const field of generated.fields) {
    const isRepeated = field.fieldKind === "list";
    const values = valuesOf(field);
    const shape = { number: field.number, kind: kindOf(field), isRepeated, values };
    described.set(field.name, shape);
    const known: Field | undefined = table.byName.get(field.name);
    if (known?.message !== undefined && field.message !== undefined) {
      hold(known.message, field.message, seen);
    }
  }
  const told = [...table.byName].map(([name, { number, kind, isRepeated, values }]) => {
    return [name, { number, kind, isRepeated, values }] as const;
  });
  assert.deepEqual(new Map(told), described, generated.typeName);
  assert.equal(
    table.isChoice,
    generated.oneofs.some(({ fields }) => fields.length > 1),
  );
}

test("the table says of every field what the schema says", () => {
  const seen = new Set<string>();
  hold(frame, FrameSchema, seen);
  assert.ok(seen.size >= 20, `${seen.size} messages`);
});
