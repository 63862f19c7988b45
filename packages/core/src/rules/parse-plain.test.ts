import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAny } from "./parse.ts";
import { parsePlain } from "./parse-plain.ts";

const space = fc.constantFrom("", "", " ", "  ", "\n ", "\t");
const name = fc.constantFrom("a", "cpu_usage", "agent", "_x", "inner", "rate", "trueish");
const { text: anyText } = fc.letrec<{ text: string; atom: string }>((tie) => ({
  atom: fc.oneof(
    name,
    fc.constantFrom("0", "7", "0.9", "1e3", "2.5E-3", "true", "false", '"x y"', "'it'", '""'),
    fc.constantFrom("null", "1u", "0x1f", "''''''", "'''a'''", 'r"a"', "9999999999999999999", ".5"),
    fc.constantFrom('"a\\n"', "1.", "5.x", "has(a.b)", "in", "for", "{}", "[1,]"),
  ),
  text: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie("atom"),
    fc
      .tuple(
        tie("text"),
        space,
        fc.constantFrom(
          "&&",
          "||",
          "+",
          "-",
          "*",
          "/",
          "%",
          "==",
          "!=",
          "<",
          "<=",
          ">",
          ">=",
          " in ",
        ),
        space,
        tie("text"),
      )
      .map((parts) => parts.join("")),
    fc.tuple(fc.constantFrom("-", "!", "- "), tie("text")).map((parts) => parts.join("")),
    fc
      .tuple(space, tie("text"), space)
      .map(([before, text, after]) => `(${before}${text}${after})`),
    fc.tuple(tie("text"), space, name).map(([text, gap, field]) => `${text}${gap}.${field}`),
    fc.tuple(tie("text"), tie("text")).map(([list, index]) => `${list}[${index}]`),
    fc
      .tuple(
        fc.constantFrom("f", "default", "size", "a.startsWith", "l.exists"),
        fc.array(tie("text"), { maxLength: 3 }),
      )
      .map(([callee, args]) => `${callee}(${args.join(", ")})`),
    fc.array(tie("text"), { maxLength: 3 }).map((elements) => `[${elements.join(" ,")}]`),
    fc
      .tuple(tie("text"), space, tie("text"), tie("text"))
      .map(([condition, gap, then, otherwise]) => `${condition}${gap}? ${then} :${otherwise}`),
  ),
}));

function reference(text: string): unknown {
  try {
    return parseAny(text);
  } catch {
    return "refused";
  }
}

test("what is read is what the parser behind it reads, with the same offsets", () => {
  let read = 0;
  fc.assert(
    fc.property(anyText, (text) => {
      const plain = parsePlain(text);
      if (plain === undefined) return;
      read += 1;
      assert.deepEqual(plain, reference(text));
    }),
    { numRuns: 5000 },
  );
  assert.ok(read > 500, `only ${read} were read`);
});

test("no text is read that the parser behind it refuses", () => {
  const pieces = fc.constantFrom(
    ...'a b 1 2.5 . , ( ) [ ] { } ? : + - * / % ! == < >= && || = & | "s" in for \n "'.split(" "),
    " ",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      const plain = parsePlain(text);
      if (plain !== undefined) assert.deepEqual(plain, reference(text));
    }),
    { numRuns: 5000 },
  );
});

test("what most rules have is read, and what nests or is long is left", () => {
  const plain = [
    'agent.type == "worker" && agent.labels.zone == "a"',
    "cpu_usage > 0.9 && default(mem_usage, 0) > 0.5",
    "heartbeat_age > 1 || twin.queue.depth >= 100",
    '"gpu" in agent.capabilities && agent.id.startsWith("edge-")',
    'metric("gen_ai.client.token.usage") > 100000',
    "(a + b) / 2 > -1.5 ? c : !d",
  ];
  for (const text of plain) assert.deepEqual(parsePlain(text), parseAny(text), text);
  const left = [
    "has(twin.queue)",
    "twin.tools.exists(tool, tool.failures > 3)",
    '{"a": 1}.a == 1',
    Array.from({ length: 30 }, () => "a").join(" + "),
    "!!a",
    "a >",
    "",
  ];
  for (const text of left) assert.equal(parsePlain(text), undefined, text);
});
