import {
  Composer,
  type CST,
  type Document,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
} from "yaml";
import type { Locate } from "./fields.ts";
import { limits } from "./limits.ts";
import type { RulePlan } from "./plan.ts";
import { readPlainJson } from "./plain-json.ts";
import { planFields, type PlanOptions } from "./plan-rule.ts";
import { type Place, pieceLength, type RuleProblem } from "./problem.ts";
import { shadowedRules, warningOfShadow } from "./shadowed-rules.ts";
import { didYouMean } from "./suggest.ts";
import { keyText, nodeAt, placeInScalar, resolved, startOf } from "./yaml-places.ts";

/** The rules of a file, none if it has an error; and all that is wrong with it. */
export interface RuleFileResult {
  readonly rules: readonly RulePlan[];
  readonly problems: readonly RuleProblem[];
  /** What the file calls its rules, those with an error too, as far as it could be read. */
  readonly names: readonly string[];
}

const quoting =
  "text that begins with a quote, a bracket or !, or holds a colon and a space, stands in quotes or below |";

/** How a rule file is checked, and named in messages. */
export interface RuleFileOptions extends PlanOptions {
  /** The file's name, put before messages about the file as a whole. */
  readonly fileName?: string;
  /** Other keys than `rules` that the file may have, for others to read. */
  readonly otherKeys?: readonly string[];
  /** Most UTF-16 code units of a file that is not compact JSON; `limits.fileLength` unless given. */
  readonly maxYamlLength?: number;
}

/** Reads a rule file, YAML or JSON: a map with the list `rules`. Lines and columns are the file's. */
export function parseRuleFile(text: string, options: RuleFileOptions = {}): RuleFileResult {
  const steps = readRuleFile(text, options);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

/**
 * Reads a rule file as {@link parseRuleFile} does, a rule or a piece of YAML at each step, so that its caller can do other
 * things in between. One piece remains: that in which a YAML document is put together, a fifth of its reading.
 */
export function* readRuleFile(
  text: string,
  options: RuleFileOptions = {},
): Generator<void, RuleFileResult> {
  const plain = yield* readPlainJson(text, options);
  if (plain !== undefined) return { ...plain, names: plain.rules.map(({ name }) => name) };
  const file = new RuleFile(text, options);
  const rules = yield* file.read();
  const hasErrors = file.problems.some((problem) => problem.severity === "error");
  return { rules: hasErrors ? [] : rules, problems: file.problems, names: file.names };
}

/** About a fifth of a millisecond's work. */
const lexemesPerStep = 100;

/** What stands before the text of a scalar among the lexemes. */
const scalarMark = "\u001f";

/** How deep lists and maps nest: those in brackets, and those that begin on one line. */
class FlowDepth {
  #brackets = 0;
  #onLine = 0;
  #isScalar = false;

  /** @throws RangeError when they nest deeper than `fileNestingLevels` */
  take(lexeme: string): void {
    if (this.#isScalar) {
      this.#isScalar = false;
      return;
    }
    const first = lexeme[0];
    if (lexeme === scalarMark) this.#isScalar = true;
    else if (lexeme === "[" || lexeme === "{") this.#brackets += 1;
    else if (lexeme === "]" || lexeme === "}") this.#brackets = Math.max(0, this.#brackets - 1);
    else if (lexeme === "-" || lexeme === "?") this.#onLine += 1;
    else if (first === "\n" || first === "\r") this.#onLine = 0;
    if (Math.max(this.#brackets, this.#onLine) > limits.fileNestingLevels)
      throw new RangeError("too deep");
  }
}

class RuleFile {
  readonly problems: RuleProblem[] = [];
  readonly names: string[] = [];
  readonly #text: string;
  readonly #lines = new LineCounter();

  readonly #name: string;
  readonly #options: RuleFileOptions;

  constructor(text: string, options: RuleFileOptions) {
    this.#text = text;
    this.#name = options.fileName ?? "the file";
    this.#options = options;
  }

  *read(): Generator<void, RulePlan[]> {
    const { maxYamlLength = limits.fileLength } = this.#options;
    if (this.#text.length > maxYamlLength) {
      const isForAny = this.#text.length > limits.fileLength;
      const bound = isForAny ? limits.fileLength : maxYamlLength;
      this.#refuse(
        0,
        `${this.#name} is longer than ${bound} characters${isForAny ? "" : ", which is the limit of what is not compact JSON"}`,
        isForAny ? "split it" : "apply it with the command, which sends compact JSON, or split it",
      );
      return [];
    }
    try {
      const document = yield* this.#document();
      // A warning is a tag that is not known: text that begins with ! and would lose it.
      const faults = [...document.errors, ...document.warnings];
      for (const fault of faults) {
        this.#refuse(
          fault.pos[0],
          fault.message,
          fault.code === "DUPLICATE_KEY" ? undefined : quoting,
        );
      }
      if (faults.length > 0) return [];
      return yield* this.#readDocument(document);
    } catch (thrown) {
      const isDeep = thrown instanceof RangeError;
      this.#refuse(
        0,
        isDeep ? `${this.#name} nests too deep` : `${this.#name} cannot be read: ${String(thrown)}`,
      );
      return [];
    }
  }

  /** The text as one YAML document. @throws RangeError when it nests too deep */
  *#document(): Generator<void, Document> {
    const composer = new Composer({ prettyErrors: false });
    const tokens = yield* this.#tokens();
    const [document, second] = composer.compose(tokens, true, this.#text.length);
    // Asked for a document where there is none, it gives an empty one.
    const first = document as Document;
    if (second !== undefined)
      this.#refuse(second.range[0], `${this.#name} has more than one document`, "leave out ---");
    return first;
  }

  /** The text's tokens, until they nest deeper than any rule: the parser takes a second for a file of brackets. */
  *#tokens(): Generator<void, CST.Token[]> {
    const parser = new Parser(this.#lines.addNewLine);
    this.#lines.addNewLine(0);
    const depth = new FlowDepth();
    const tokens: CST.Token[] = [];
    let lexemes = 0;
    for (const lexeme of new Lexer().lex(this.#text)) {
      depth.take(lexeme);
      for (const token of parser.next(lexeme)) tokens.push(token);
      lexemes += 1;
      if (lexemes % lexemesPerStep === 0) yield;
    }
    for (const token of parser.end()) tokens.push(token);
    return tokens;
  }

  #refuse(offset: number, message: string, hint?: string): void {
    const mend = hint === undefined ? {} : { hint };
    this.problems.push({ severity: "error", ...this.#place(offset), message, ...mend });
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    const length = pieceLength(this.#text, offset);
    return { line: Math.max(1, line), column: Math.max(1, col), length };
  }

  *#readDocument(document: Document): Generator<void, RulePlan[]> {
    const root = document.contents;
    if (!isMap(root)) {
      this.#refuse(startOf(root), `${this.#name} has no rules`, "begin it with a line rules:");
      return [];
    }
    for (const { key } of root.items) {
      const name = keyText(key);
      if (name === "rules" || this.#options.otherKeys?.includes(name) === true) continue;
      if (name === "gates") this.#refuse(startOf(key), "gates are not available yet");
      else
        this.#refuse(
          startOf(key),
          `unknown key ${JSON.stringify(name.slice(0, 80))}`,
          didYouMean(name, ["rules"]) ?? "a rule file has the key rules",
        );
    }
    const list = resolved(document, root.get("rules", true));
    if (isScalar(list) && list.value === null) return [];
    if (!isSeq(list)) {
      const isAbsent = list === undefined;
      if (!isAbsent || this.problems.length === 0) {
        this.#refuse(
          startOf(list ?? root),
          isAbsent ? `${this.#name} has no rules` : "rules must be a list",
          "write rules: and below it - name: …",
        );
      }
      return [];
    }
    if (list.items.length > limits.rulesPerFile) {
      this.#refuse(
        startOf(list),
        `${this.#name} has more than ${limits.rulesPerFile} rules`,
        "split it",
      );
      return [];
    }
    return yield* this.#readRules(document, list.items);
  }

  *#readRules(document: Document, items: readonly unknown[]): Generator<void, RulePlan[]> {
    const plans: RulePlan[] = [];
    const lineOfName = new Map<string, number>();
    const places = new Map<RulePlan, Place>();
    for (const item of items) {
      const node = resolved(document, item);
      const locate: Locate = (path, offset) => {
        const { node: found, key, isWhole } = nodeAt(document, node, path);
        if (offset === "key") return this.#place(startOf(key ?? found));
        return this.#place(isWhole ? placeInScalar(this.#text, found, offset) : startOf(found));
      };
      const fields: unknown = isMap(node) ? node.toJS(document) : undefined;
      const { plan, problems } = planFields(fields, locate, this.#options);
      this.problems.push(...problems);
      const name = isMap(node) ? node.get("name") : undefined;
      if (typeof name === "string") {
        const firstLine = lineOfName.get(name);
        const place = locate(["name"], 0);
        if (firstLine === undefined) {
          lineOfName.set(name, place.line);
          this.names.push(name.slice(0, 80));
        } else
          this.problems.push({
            severity: "error",
            rule: name.slice(0, 80),
            field: "name",
            ...place,
            message: `the name is used in line ${firstLine} already`,
            hint: "give each rule a name of its own",
          });
      }
      if (plan !== undefined) {
        plans.push(plan);
        places.set(plan, locate(["name"], 0));
      }
      yield;
    }
    const isWhole = this.problems.every(({ severity }) => severity === "warning");
    for (const shadowed of isWhole ? yield* shadowedRules(plans) : [])
      this.problems.push({
        ...warningOfShadow(shadowed),
        ...(places.get(shadowed.plan) ?? this.#place(0)),
      });
    return plans;
  }
}
