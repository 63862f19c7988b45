import { type Document, isMap, isScalar, isSeq, type LineCounter } from "yaml";
import { parseDuration } from "../clock/index.ts";
import { MyelinError } from "../errors/index.ts";
import { isJsonObject, type JsonObject, maxJsonLevels, pathToWrongNumber } from "../json/index.ts";
import {
  didYouMean,
  keyText,
  pieceLength,
  placeInScalar,
  resolved,
  type RuleProblem,
  startOf,
} from "../rules/index.ts";
import { type KeysOf, keysOf, promtoolKeys } from "./keys.ts";
import type { FilePlace } from "./rule-tests.ts";

/** What a map of the file has, by key: only keys that there are, and only those given. */
export type Fields<Kind extends keyof KeysOf> = {
  readonly [Key in keyof KeysOf[Kind]]?: unknown;
};

/** Reads nodes of a YAML document as what they are to be, and collects what is wrong, each with its place. */
export class NodeReader {
  readonly problems: RuleProblem[] = [];
  readonly #text: string;
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(text: string, document: Document, lines: LineCounter) {
    this.#text = text;
    this.#document = document;
    this.#lines = lines;
  }

  place(node: unknown): FilePlace {
    return this.#placeAt(startOf(node));
  }

  #placeAt(offset: number): FilePlace {
    const { line, col } = this.#lines.linePos(offset);
    const length = pieceLength(this.#text, offset);
    return { line: Math.max(1, line), column: Math.max(1, col), length };
  }

  refuse(node: unknown, message: string, hint?: string): undefined {
    this.refuseAt(startOf(node), message, hint);
  }

  /** Refuses what stands at an offset of a text's value. */
  refuseIn(node: unknown, offset: number, message: string, hint?: string): undefined {
    this.refuseAt(placeInScalar(this.#text, node, offset), message, hint);
  }

  refuseAt(offset: number, message: string, hint?: string): undefined {
    const mend = hint === undefined ? {} : { hint };
    this.problems.push({ severity: "error", ...this.#placeAt(offset), message, ...mend });
  }

  /** The fields of a map; what is none of its keys is refused. */
  fields<Kind extends keyof KeysOf>(given: unknown, kind: Kind): Fields<Kind> | undefined {
    const known = Object.keys(keysOf[kind]);
    const node = resolved(this.#document, given);
    if (!isMap(node)) return this.refuse(node, `${kind} is to be a map of ${known.join(", ")}`);
    const fields: Record<string, unknown> = {};
    for (const { key, value } of node.items) {
      const name = keyText(key);
      if (known.includes(name)) {
        const read = resolved(this.#document, value);
        if (!isScalar(read) || read.value !== null) fields[name] = read;
        continue;
      }
      const hint =
        (Object.hasOwn(promtoolKeys, name) ? promtoolKeys[name] : undefined) ??
        didYouMean(name, known) ??
        `there are ${known.join(", ")}`;
      this.refuse(key, `unknown key ${JSON.stringify(name.slice(0, 80))}`, hint);
    }
    return fields;
  }

  /** The keys of a map, whatever they are, and their values. */
  entries(node: unknown, what: string): readonly (readonly [name: string, value: unknown])[] {
    if (node === undefined) return [];
    if (isMap(node))
      return node.items.map(({ key, value }) => [keyText(key), resolved(this.#document, value)]);
    this.refuse(node, `${what} is to be a map`);
    return [];
  }

  items(node: unknown, what: string): readonly unknown[] {
    if (node === undefined) return [];
    if (isSeq(node)) return node.items.map((item) => resolved(this.#document, item));
    this.refuse(node, `${what} is to be a list`);
    return [];
  }

  /** A list, or one of its kind that stands alone. */
  itemOrItems(node: unknown, what: string): readonly unknown[] {
    return isScalar(node) ? [node] : this.items(node, what);
  }

  text(node: unknown, what: string): string | undefined {
    if (node === undefined) return undefined;
    if (isScalar(node) && typeof node.value === "string" && node.value !== "") return node.value;
    return this.refuse(node, `${what} is to be a text`);
  }

  /** A text that is an id or a name, read by its parser. */
  named(node: unknown, what: string, parse: (text: string) => string): string | undefined {
    const text = this.#plain(node, what);
    if (text === undefined) return undefined;
    return this.#parsed(node, () => parse(text));
  }

  /** What stands there, be it a text or a number. */
  #plain(node: unknown, what: string): string | undefined {
    if (node === undefined) return undefined;
    if (isScalar(node) && (typeof node.value === "string" || typeof node.value === "number"))
      return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
    return this.refuse(node, `${what} is to be a text`);
  }

  /** A series' text; one number alone is one, too. */
  seriesText(node: unknown): string | undefined {
    return this.#plain(node, "a series");
  }

  /** A duration in microseconds; 0 needs no unit. */
  duration(node: unknown, what: string): number | undefined {
    const text = this.#plain(node, what);
    if (text === undefined) return undefined;
    return text === "0" ? 0 : this.#parsed(node, () => parseDuration(text));
  }

  /** A duration that is longer than nothing. */
  interval(node: unknown): number | undefined {
    const intervalUs = this.duration(node, "interval");
    return intervalUs === 0 ? this.refuse(node, "an interval is longer than 0s") : intervalUs;
  }

  #parsed<Value>(node: unknown, parse: () => Value): Value | undefined {
    try {
      return parse();
    } catch (thrown) {
      const { message, hint } = MyelinError.from(thrown);
      return this.refuse(node, message, hint);
    }
  }

  whole(node: unknown, what: string, from: number, to: number): number | undefined {
    if (node === undefined) return undefined;
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= from && value <= to)
      return value;
    return this.refuse(node, `${what} is to be a whole number from ${from} to ${to}`);
  }

  word<Word extends string>(node: unknown, what: string, words: readonly Word[]): Word | undefined {
    if (node === undefined) return undefined;
    const value = isScalar(node) ? String(node.value) : "";
    const word = words.find((each) => each === value);
    if (word !== undefined) return word;
    const choice = `it is ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
    return this.refuse(
      node,
      `${JSON.stringify(value.slice(0, 80))} is no ${what}`,
      didYouMean(value, words) ?? choice,
    );
  }

  json(node: unknown, what: string): JsonObject | undefined {
    if (node === undefined) return undefined;
    const value: unknown = isMap(node) ? node.toJS(this.#document) : undefined;
    if (!isJsonObject(value)) return this.refuse(node, `${what} is to be a map`);
    const wrong = pathToWrongNumber(value, maxJsonLevels);
    if (wrong === undefined) return value;
    return this.refuse(node, `${[what, ...wrong].join(".")} is no number that JSON can carry`);
  }
}
