import { MyelinError } from "@myelin/core/errors";

/** A place in the row of a node's events: the node's life, and the number of the last event seen. */
export interface Cursor {
  readonly life: string;
  readonly number: number;
}

const form = /^([A-Za-z0-9_-]{1,64})\.(\d{1,16})$/;

export function formatCursor({ life, number }: Cursor): string {
  return `${life}.${number}`;
}

/** @throws MyelinError INVALID_ARGUMENT */
export function parseCursor(text: string): Cursor {
  const [, life = "", digits = ""] = form.exec(text) ?? [];
  const number = Number(digits);
  if (life !== "" && Number.isSafeInteger(number)) return { life, number };
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text.slice(0, 80))} is no cursor`, {
    hint: "Give a cursor as an event carried it, or none to begin with what happens next.",
  });
}
