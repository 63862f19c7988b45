import { limits } from "./limits.ts";

/** What a look over an expression's characters finds, before any parser sees them. */
export interface Scan {
  /** The text with each comment replaced by spaces; offsets are kept. */
  readonly text: string;
  /** What fields are called whose names stand in backquotes: in the text a plain name stands for each, as long as it. */
  readonly quotedFields: ReadonlyMap<string, string>;
  /** Where the text ends: at the closing brace that was sought, else at its length. */
  readonly end: number;
  /** Where the word `for` stands outside of strings and brackets, if it does. */
  readonly forOffset?: number;
  /** What no parser should be asked to read. */
  readonly problem?: { readonly offset: number; readonly message: string; readonly hint?: string };
}

const opening = "([{";
const closing = ")]}";
const word = /[A-Za-z_][A-Za-z0-9_]*/y;
/** What the scan looks at; in most conditions there is none of it. */
const notable = /["'`()[\]{}?]|\/\/|\bfor\b/;
const noFields: ReadonlyMap<string, string> = new Map();
/** What means nothing to the scan. */
const indifferent = /[^"'`()[\]{}?/A-Za-z_]+/y;
const quotedField = /`([A-Za-z0-9_\-./ ]+)`/y;
const stringPrefix = /^(?:[rR][bB]?|[bB][rR]?)$/;

/**
 * Looks over an expression from `start`: strings, comments and brackets. It never recurses, so it
 * can refuse what nests too deep for a recursive parser.
 * @param endsAtBrace Stop at the first `}` that closes nothing, as in `${…}`.
 */
export function scanExpression(source: string, start = 0, endsAtBrace = false): Scan {
  if (start === 0 && !endsAtBrace && !notable.test(source))
    return { text: source, quotedFields: noFields, end: source.length };
  let text = "";
  let copied = start;
  let position = start;
  let forOffset: number | undefined;
  let conditionals = 0;
  const brackets: number[] = [];
  const quotedFields = new Map<string, string>();
  let standIns = 0;
  const done = (end: number, problem?: Scan["problem"]): Scan => ({
    text: text + source.slice(copied, end),
    quotedFields,
    end,
    ...(forOffset === undefined ? {} : { forOffset }),
    ...(problem === undefined ? {} : { problem }),
  });
  while (position < source.length) {
    const character = source.charAt(position);
    if (character === "/" && source[position + 1] === "/") {
      const end = endOfLine(source, position);
      text += source.slice(copied, position) + " ".repeat(end - position);
      copied = end;
      position = end;
    } else if (character === '"' || character === "'") {
      const end = endOfString(source, position, false);
      if (end === undefined) return done(source.length, unclosed(position, "string"));
      position = end;
    } else if (character === "`") {
      const quoted = matchAt(quotedField, source, position);
      if (quoted === "" || !isField(source, position))
        return done(source.length, misquoted(position, quoted));
      let name: string;
      do name = `_${(standIns++).toString(36)}`.padEnd(quoted.length, "_");
      while (source.includes(name));
      quotedFields.set(name, quoted.slice(1, -1));
      text += source.slice(copied, position) + name;
      position += quoted.length;
      copied = position;
    } else if (opening.includes(character)) {
      brackets.push(position);
      if (brackets.length > limits.nestingLevels) return done(source.length, tooDeep(position));
      position += 1;
    } else if (closing.includes(character)) {
      const openedAt = brackets.pop();
      if (openedAt === undefined && character === "}" && endsAtBrace) return done(position);
      const problem = mismatch(source, openedAt, position);
      if (problem !== undefined) return done(source.length, problem);
      position += 1;
    } else if (character === "?") {
      conditionals += 1;
      if (conditionals > limits.nestingLevels) return done(source.length, tooDeep(position));
      position += 1;
    } else {
      const found = matchAt(word, source, position);
      const isFor = found === "for" && brackets.length === 0 && !isField(source, position);
      if (isFor) forOffset = position;
      const end = endOfWord(source, position, found);
      if (end === undefined) return done(source.length, unclosed(position, "string"));
      position = end;
    }
  }
  const openedAt = brackets.at(-1);
  if (openedAt !== undefined)
    return done(source.length, unclosed(openedAt, source.charAt(openedAt)));
  if (endsAtBrace) return done(source.length, unclosed(start - 2, "${"));
  return done(source.length);
}

/** What a sticky pattern finds at an offset; empty when that is nothing. */
function matchAt(pattern: RegExp, source: string, position: number): string {
  pattern.lastIndex = position;
  return pattern.exec(source)?.[0] ?? "";
}

/**
 * The offset behind the word that was found, behind the string whose prefix it is (undefined when that
 * is not closed), or, where there is no word, behind what means nothing to the scan.
 */
function endOfWord(source: string, position: number, found: string): number | undefined {
  if (found === "") return position + Math.max(1, matchAt(indifferent, source, position).length);
  const after = position + found.length;
  const quote = source.charAt(after);
  const isPrefix = stringPrefix.test(found) && (quote === '"' || quote === "'");
  return isPrefix ? endOfString(source, after, /r/i.test(found)) : after;
}

function endOfLine(source: string, from: number): number {
  let end = from;
  while (end < source.length && source[end] !== "\n" && source[end] !== "\r") end += 1;
  return end;
}

/** The offset behind the string whose first quote is at `quoteAt`, or undefined when it is not closed. */
function endOfString(source: string, quoteAt: number, isRaw: boolean): number | undefined {
  const quote = source.charAt(quoteAt);
  const isTriple = source.startsWith(quote.repeat(3), quoteAt);
  const closer = isTriple ? quote.repeat(3) : quote;
  let position = quoteAt + closer.length;
  while (position < source.length) {
    if (source.startsWith(closer, position)) return position + closer.length;
    const character = source.charAt(position);
    if (!isTriple && (character === "\n" || character === "\r")) return undefined;
    position += character === "\\" && !isRaw ? 2 : 1;
  }
  return undefined;
}

function misquoted(offset: number, quoted: string): NonNullable<Scan["problem"]> {
  if (quoted !== "")
    return { offset, message: "a name in backquotes is a field's", hint: "write value.`name`" };
  return {
    offset,
    message: "backquotes hold no name",
    hint: "letters, digits, spaces and _ - . / may stand between them",
  };
}

/** True for the name behind a dot, where any word may stand. */
function isField(source: string, position: number): boolean {
  return source.slice(0, position).trimEnd().endsWith(".");
}

/** A closing bracket that does not fit the one that was opened last. */
function mismatch(source: string, openedAt: number | undefined, offset: number): Scan["problem"] {
  const closer = source.charAt(offset);
  if (openedAt === undefined) return { offset, message: `nothing opens this ${closer}` };
  const opener = source.charAt(openedAt);
  if (opening.indexOf(opener) === closing.indexOf(closer)) return undefined;
  return { offset, message: `${closer} does not close ${opener}` };
}

function unclosed(offset: number, what: string): NonNullable<Scan["problem"]> {
  return { offset, message: `${what} is not closed` };
}

function tooDeep(offset: number): NonNullable<Scan["problem"]> {
  return {
    offset,
    message: `the expression nests deeper than ${limits.nestingLevels} levels`,
    hint: "split it into several rules",
  };
}
