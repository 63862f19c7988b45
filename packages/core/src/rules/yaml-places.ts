import { isAlias, isMap, isScalar, isSeq, type Document, type Node, type Scalar } from "yaml";

/** The node at a way through maps and lists, or the last one on the way that exists; and its key, in a map. */
export function nodeAt(
  document: Document,
  root: unknown,
  path: readonly (string | number)[],
): { node: unknown; key?: unknown; isWhole: boolean } {
  let node = resolved(document, root);
  let key: unknown;
  for (const step of path) {
    const child = childOf(node, step);
    if (child === undefined) return { node, isWhole: false };
    node = resolved(document, child.node);
    key = child.key;
  }
  return { node, key, isWhole: true };
}

/** What an alias stands for. */
export function resolved(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function childOf(
  node: unknown,
  step: string | number,
): { node: unknown; key?: unknown } | undefined {
  if (isSeq(node) && typeof step === "number") return { node: node.items[step] };
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => keyText(item.key) === String(step));
  return pair && { node: pair.value ?? pair.key, key: pair.key };
}

/** The text of a map's key. */
export function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

/** Where a node begins in the file. */
export function startOf(node: unknown): number {
  return hasRange(node) ? node.range[0] : 0;
}

function hasRange(node: unknown): node is Node & { range: readonly [number, number, number] } {
  return typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range);
}

/**
 * Where the character at an offset of a text's value stands in the file. Folding, indentation and
 * quotes move characters but keep their order, so the characters that are no space are matched one
 * by one; where that fails (rare escapes) the text's beginning is the answer.
 */
export function placeInScalar(source: string, node: unknown, offset: number): number {
  if (!isScalar(node) || !hasRange(node) || typeof node.value !== "string") return startOf(node);
  const start = contentStart(source, node, node.range[0]);
  const end = node.range[1];
  let at = start;
  for (let position = 0; position <= offset; position += 1) {
    const isEnd = position >= node.value.length;
    if (!isEnd && isSpace(node.value, position)) continue;
    at = skipSpaces(source, at, end);
    if (position === offset || isEnd) return Math.min(at, end);
    const width = widthOf(source, at, node.type);
    if (source[at + width - 1] !== node.value[position]) return node.range[0];
    at += width;
  }
  return Math.min(skipSpaces(source, at, end), end);
}

/** Behind the opening quote, or the header line of a block. */
function contentStart(source: string, node: Scalar, start: number): number {
  if (node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE") return start + 1;
  if (node.type !== "BLOCK_LITERAL" && node.type !== "BLOCK_FOLDED") return start;
  const lineEnd = source.indexOf("\n", start);
  return lineEnd === -1 ? start : lineEnd + 1;
}

/** How many characters of the file write the next one of the value. */
function widthOf(source: string, at: number, type: string | undefined): number {
  if (type === "QUOTE_SINGLE" && source.startsWith("''", at)) return 2;
  return type === "QUOTE_DOUBLE" && source[at] === "\\" ? 2 : 1;
}

function isSpace(text: string, position: number): boolean {
  const code = text.charCodeAt(position);
  return code === 32 || (code >= 9 && code <= 13);
}

/** Behind white space, escaped or not. */
function skipSpaces(source: string, from: number, end: number): number {
  let at = from;
  while (at < end) {
    if (isSpace(source, at)) at += 1;
    else if (source[at] === "\\" && "nrt\n".includes(source.charAt(at + 1))) at += 2;
    else break;
  }
  return at;
}
