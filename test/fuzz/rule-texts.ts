/** Hostile texts of rules: the text of a place in a campaign is a function of its seed and place alone. */
import { seededRandom } from "@myelin/core/random";
import { Dice } from "./dice.ts";

/** One text, and where it is written. */
export interface RuleText {
  readonly kind: "expr" | "where" | "args" | "file";
  readonly text: string;
  /** How it was made. */
  readonly made: string;
}

const names: readonly string[] = [
  ...["a", "cpu_usage", 'metric("a.b-c")', "agent.id", "agent.labels.zone", "agent.capabilities"],
  ...["agent.uptime", "twin", "twin.a.b", "twin.list[0]", "event.type", "event.attrs.n", "x"],
];
const literals: readonly string[] = [
  ...["0", "1", "-1", "1.5", "1e308", "9223372036854775807", "1u", "0x7f", "true", "false", "null"],
  ...['"a"', "'b'", 'r"\\d"', '"""c"""', 'b"\\xff"', '"\\u00e9"', '"30s"', "[]", "{}", "[1, 2]"],
];
const binary: readonly string[] = [
  ...["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in", "?", ":", "for"],
];
const calls: readonly string[] = [
  ...["has", "size", "int", "uint", "double", "string", "bytes", "bool", "dyn", "type", "default"],
  ...["timestamp", "duration", "matches", "metric", "age", "absent", "count_events", "fleet_avg"],
  ...["group_max", "avg_over_time", "quantile_over_time", "rate", "deriv", "stddev_over_time"],
];
const methods: readonly string[] = [
  ...["exists", "all", "exists_one", "filter", "map", "startsWith", "contains", "matches", "size"],
  ...["getHours", "getFullYear", "endsWith"],
];
const patterns: readonly string[] = [
  ...[
    "(a+)+$",
    "(a|a)*b",
    "(.*)*x",
    "((a{10}){10}){10}",
    "[a-z",
    "(?:)",
    "\\p{L}+",
    "(?i)a",
    "\\1",
  ],
  ...[
    "(?=a)",
    "a{1000}",
    "a{1001}",
    "(a?){500}a{500}",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "\\Q",
    "[^]",
  ],
];
/** Each opens something, beside what closes it. */
const nests: readonly (readonly [string, string])[] = [
  ["(", ")"],
  ["[", "]"],
  ["{1: ", "}"],
  ["!", ""],
  ["-", ""],
  ["bool(", ")"],
  ["true ? ", " : false"],
  ["true ? true : ", ""],
  ["1 + ", ""],
  ["a > 1 && ", ""],
  ["default(", ", 1)"],
  ["[1].exists(x, ", ")"],
  ["[1].map(x, x).filter(x, ", ")"],
  ["twin[", "]"],
  ["has(", ".a)"],
];
const pieces: readonly string[] = [
  ...names,
  ...literals,
  ...binary,
  ...["(", ")", "[", "]", "{", "}", ",", ".", "`", '"', "'", "\\", "//", "\n", "\t", "$", "${"],
  ...["\u0000", "\ud800", "\u2028", "🦊", "\u202e", "10s", "__proto__", "constructor", ".`a b`"],
];

/** A condition of some depth, mostly of wrong types. */
function tree(dice: Dice, depth: number): string {
  if (depth === 0) return dice.pick(dice.below(2) === 0 ? names : literals);
  const inner = (): string => tree(dice, depth - 1 - dice.below(2 - (depth === 1 ? 1 : 0)));
  switch (dice.below(7)) {
    case 0:
      return `(${inner()})`;
    case 1:
      return `${dice.pick(calls)}(${inner()}${dice.below(2) === 0 ? `, ${inner()}` : ""})`;
    case 2:
      return `${inner()}.${dice.pick(methods)}(${dice.below(2) === 0 ? "x, " : ""}${inner()})`;
    case 3:
      return `agent.id.matches(${JSON.stringify(dice.pick(patterns))})`;
    case 4:
      return `avg_over_time(${dice.pick(names)}, ${dice.pick(literals)})`;
    default:
      return `${inner()} ${dice.pick(binary)} ${inner()}`;
  }
}

function soup(dice: Dice): string {
  const separator = dice.pick(["", " ", " "]);
  return Array.from({ length: 1 + dice.below(60) }, () => dice.pick(pieces)).join(separator);
}

function nested(dice: Dice): string {
  const depth = dice.pick([3, 10, 63, 64, 65, 500, 4_000, 20_000]);
  const ways = Array.from({ length: 1 + dice.below(3) }, () => dice.pick(nests));
  let [head, tail] = ["", ""];
  for (let level = 0; level < depth; level += 1) {
    const [open, close] = ways[level % ways.length] as readonly [string, string];
    head += open;
    tail = close + tail;
  }
  return head + dice.pick(["true", "a", "1", ""]) + (dice.below(4) === 0 ? "" : tail);
}

function noise(dice: Dice): string {
  const most = dice.pick([0x80, 0x250, 0x10000]);
  const codes = Array.from({ length: 1 + dice.below(200) }, () => dice.below(most));
  return String.fromCharCode(...codes);
}

function spoilt(dice: Dice, text: string): string {
  let changed = text;
  for (let left = 1 + dice.below(4); left > 0; left -= 1) {
    const at = dice.below(changed.length + 1);
    const length = dice.below(Math.min(20, changed.length + 1));
    const cut = changed.slice(at, at + length);
    const others = ["", dice.pick(pieces), cut + cut, noise(dice).slice(0, 3)];
    changed = changed.slice(0, at) + dice.pick(others) + changed.slice(at + length);
  }
  return changed;
}

function file(dice: Dice, expr: string): string {
  const fields = [
    "name: a",
    `expr: ${dice.pick([JSON.stringify(expr), expr, `|\n      ${expr}`])}`,
    "action: stop",
    `for: ${dice.pick(["10s", "1", "-1s", "1e9h", "''"])}`,
    `args: ${dice.pick(["{ a: '${a}' }", "*x", "&x [*x]", "{ __proto__: 1 }", "[1]"])}`,
    `limit: ${dice.pick(["1/1s", "0/0s", "x", "99999999/1s"])}`,
  ];
  return spoilt(dice, `rules:\n  - ${fields.join("\n    ")}\n`);
}

const makers: Readonly<Record<string, (dice: Dice) => string>> = {
  noise,
  soup,
  nested,
  tree: (dice) => tree(dice, 1 + dice.below(6)),
  "spoilt tree": (dice) => spoilt(dice, tree(dice, 1 + dice.below(5))),
  pattern: (dice) =>
    `agent.id.matches(${JSON.stringify(spoilt(dice, dice.pick(patterns)).repeat(1 + dice.below(4)))})`,
  "long list": (dice) =>
    `a in [${Array(dice.pick([10, 999, 1_001, 4_000]))
      .fill("1.0")
      .join(",")}]`,
};

/** The text of a place. */
export function ruleTextAt(seed: number, at: number): RuleText {
  const dice = new Dice(seededRandom(seed ^ Math.imul(at + 1, 0x9e3779b1)));
  const made = dice.pick(Object.keys(makers));
  const text = makers[made]?.(dice) ?? "";
  const kind = dice.pick(["expr", "expr", "expr", "where", "args", "file"] as const);
  return { kind, made, text: kind === "file" ? file(dice, text) : text };
}
