import { limits } from "./limits.ts";

/** What a look over an expression's characters finds, before any parser sees them. */
export interface Scan {
  /** The text with each comment replaced by spaces; offsets are kept. */
  readonly text: string;
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
/** What means nothing to the scan. */
const indifferent = /[^"'()[\]{}?/A-Za-z_]+/y;
const stringPrefix = /^(?:[rR][bB]?|[bB][rR]?)$/;

/**
 * Looks over an expression from `start`: strings, comments and brackets. It never recurses, so it
 * can refuse what nests too deep for a recursive parser.
 * @param endsAtBrace Stop at the first `}` that closes nothing, as in `${…}`.
 */
export function scanExpression(source: string, start = 0, endsAtBrace = false): Scan {
  let text = "";
  let copied = 0;
  let position = start;
  let forOffset: number | undefined;
  let conditionals = 0;
  const brackets: number[] = [];
  const done = (end: number, problem?: Scan["problem"]): Scan => ({
    text: text + source.slice(copied, end),
    end,
    ...(forOffset === undefined ? {} : { forOffset }),
    ...(problem === undefined ? {} : { problem }),
  });
  copied = start;
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
      word.lastIndex = position;
      const found = word.exec(source)?.[0];
      if (found === undefined) {
        indifferent.lastIndex = position;
        position += Math.max(1, indifferent.exec(source)?.[0].length ?? 1);
        continue;
      }
      const after = position + found.length;
      const quote = source.charAt(after);
      if (stringPrefix.test(found) && (quote === '"' || quote === "'")) {
        const end = endOfString(source, after, /r/i.test(found));
        if (end === undefined) return done(source.length, unclosed(position, "string"));
        position = end;
        continue;
      }
      if (found === "for" && brackets.length === 0 && !isField(source, position)) {
        forOffset = position;
      }
      position = after;
    }
  }
  const openedAt = brackets.at(-1);
  if (openedAt !== undefined)
    return done(source.length, unclosed(openedAt, source.charAt(openedAt)));
  if (endsAtBrace) return done(source.length, unclosed(start - 2, "${"));
  return done(source.length);
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
