/** What a key asks for. */
export type Key = "quit" | "sort" | "up" | "down" | "pageUp" | "pageDown" | "home";

/** By what a terminal sends for it: the arrows have two forms, of the cursor and of the keypad. */
const keys: ReadonlyMap<string, Key> = new Map([
  ["q", "quit"],
  ["Q", "quit"],
  ["\u0003", "quit"],
  ["s", "sort"],
  ["S", "sort"],
  ["k", "up"],
  ["\u001b[A", "up"],
  ["\u001bOA", "up"],
  ["j", "down"],
  ["\u001b[B", "down"],
  ["\u001bOB", "down"],
  ["\u001b[5~", "pageUp"],
  ["\u001b[6~", "pageDown"],
  ["g", "home"],
  ["\u001b[H", "home"],
  ["\u001bOH", "home"],
  ["\u001b[1~", "home"],
]);
// oxlint-disable-next-line no-control-regex -- an escape sequence begins with a control
const sequences = /\u001b(?:\[|O)[0-9;]*[A-Za-z~]|[^]/gu;

/** The keys in what a terminal sent; what is none is passed over. */
export function keysOf(text: string): Key[] {
  return [...text.matchAll(sequences)].flatMap(([sequence]) => keys.get(sequence) ?? []);
}
