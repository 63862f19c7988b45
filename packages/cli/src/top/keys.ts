/** What a key asks for. */
export type Key = "quit" | "sort" | "up" | "down" | "pageUp" | "pageDown" | "home";

const keys: readonly (readonly [RegExp, Key])[] = [
  [/^(?:q|Q|\u0003)/, "quit"],
  [/^[sS]/, "sort"],
  [/^(?:\u001b(?:\[|O)A|k)/, "up"],
  [/^(?:\u001b(?:\[|O)B|j)/, "down"],
  [/^\u001b\[5~/, "pageUp"],
  [/^\u001b\[6~/, "pageDown"],
  [/^(?:\u001b(?:\[|O)H|\u001b\[1~|g)/, "home"],
];
// oxlint-disable-next-line no-control-regex -- an escape sequence begins with a control
const sequence = /^(?:\u001b(?:\[|O)[0-9;]*[A-Za-z~]|[^])/;

/** The keys in what a terminal sent; what is none is passed over. */
export function keysOf(text: string): Key[] {
  const found: Key[] = [];
  for (let rest = text; rest !== ""; ) {
    const key = keys.find(([form]) => form.test(rest))?.[1];
    if (key !== undefined) found.push(key);
    rest = rest.slice(sequence.exec(rest)?.[0].length ?? 1);
  }
  return found;
}
