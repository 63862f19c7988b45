import { type ByteReader, wireBytes } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { ColumnForm } from "./messages.ts";

/** Indexed by number on the wire; 0 is none. */
const formsByNumber: readonly (ColumnForm | undefined)[] = [
  undefined,
  "f64",
  "f32",
  "f16",
  "i8",
  "i8_delta",
];

/** All forms that this version reads and writes. */
export const columnForms: readonly ColumnForm[] = ["f64", "f32", "f16", "i8", "i8_delta"];

/** Bytes that a value of a form takes, by the form's number. */
export const formBytes: readonly number[] = [0, 8, 4, 2, 1, 1];

/** The form's number on the wire. */
export function formNumber(form: ColumnForm): number {
  return formsByNumber.indexOf(form);
}

/** The form of a number; undefined for one that this version does not know. */
export function formOf(number: number): ColumnForm | undefined {
  return formsByNumber[number];
}

/** Reads welcome.column_forms, packed or not, behind `previous`; forms not known here are left out. */
export function readColumnForms(
  reader: ByteReader,
  previous: readonly ColumnForm[],
): readonly ColumnForm[] {
  const field = "welcome.column_forms";
  const forms = [...previous];
  const take = (number: number): void => {
    const form = formOf(number);
    // A list of what can be read needs no form twice, and is bounded by that.
    if (form !== undefined && !forms.includes(form)) forms.push(form);
  };
  if (reader.wireType !== wireBytes) {
    take(reader.uint64(field));
    return forms;
  }
  const outer = reader.enter(field);
  while (reader.pos < reader.end) take(reader.varint(field));
  reader.leave(outer);
  return forms;
}

/** Writes welcome.column_forms. */
export function writeColumnForms(writer: ByteWriter, forms: readonly ColumnForm[]): void {
  for (const form of forms) {
    // Field 16 is the first whose tag takes two bytes.
    writer.putByte(0x80);
    writer.putByte(0x01);
    writer.putByte(formNumber(form));
  }
}
