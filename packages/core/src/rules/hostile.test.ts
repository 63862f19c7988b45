import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  compileSelector,
  linkRule,
  parseRuleFile,
  readRuleFile,
  planRule,
  TRUE,
  UNKNOWN,
} from "./index.ts";
import { writeJavaScript } from "./javascript.ts";
import { contextOf, evaluate, linked, planOf, problemOf, problemsOf } from "./test-support.ts";

/** A valid name of everything that generated code may hold beside numbers and operators. */
const innocent =
  /^(?:use strict|const|let|return|function|try|catch|typeof|undefined|NaN|number|null|true|false|values|s|[XCKVSaw]|[cktvx]\d+|\d+n?|\d+e\d+|e|start|nowUs|joinedAtUs|attributes|twin|id|type|tier|labels|capabilities|known|truth|tri|at|has|index|size|equal|order|contains|containsText|makeList|makeMap|add|subtract|multiply|divide|modulo|negate|toInt|toUint|toDouble|toBool|toText|startsWith|endsWith|matches|exists|existsOne|all|filter|map)$/;

function sourceOf(expr: string): string {
  return writeJavaScript([{ expression: planOf({ expr }).condition, form: "tri" }]).source;
}

describe("what a user wrote", () => {
  test("never becomes code, whatever texts it holds", () => {
    const word = fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.constantFrom(
        '"',
        "'",
        "`",
        "\\",
        "\n",
        "\r",
        "\u2028",
        "\u2029",
        "${process.exit()}",
        "*/alert(1)/*",
        "</script>",
        "__proto__",
        "constructor",
        "');throw 1;('",
      ),
    );
    fc.assert(
      fc.property(word, word, (a, b) => {
        const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
        const expr = `agent.labels[${left}] == ${right} || ${left} in agent.labels || twin[${right}] == ${left} || agent.id.contains(${left}) || {${left}: ${right}}[${left}] == ${right}`;
        const source = sourceOf(expr);
        assert.match(source, /^[\x20-\x7e\n]*$/);
        for (const [name] of source.matchAll(/use strict|[\p{L}\p{N}_$]+/gu))
          assert.match(name, innocent);
        const agent = { attributes: { labels: Object.fromEntries([[a, b]]) } };
        assert.equal(evaluate(`agent.labels[${left}] == ${right}`, agent), TRUE);
      }),
    );
  });

  test("never becomes code through the name of a metric, a field or a variable", () => {
    for (const expr of [
      'metric("a-b/c:d.e") > 1',
      "twin.evil.process > 1",
      "agent.labels.evil == 'x'",
      "[1].exists(evil, evil == 1)",
      "evil > 1 && process > 2",
    ]) {
      assert.doesNotMatch(sourceOf(expr), /evil|process|a-b/);
    }
    assert.match(problemOf('metric("a\\n;process.exit()") > 1'), /is not a valid metric name/);
  });

  test("finds own properties only", () => {
    for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      assert.equal(evaluate(`agent.labels["${key}"] == "x"`), UNKNOWN);
      assert.equal(
        evaluate(`has(twin.${key}) || has(agent.labels.${key}) || "${key}" in agent.labels`),
        0,
      );
      assert.equal(evaluate(`twin.${key}.${key} == 1`), UNKNOWN);
      const twin = JSON.parse(`{"${key}": 1}`);
      assert.equal(evaluate(`twin.${key} == 1 && has(twin.${key})`, { twin }), TRUE);
    }
    const labels: Record<string, string> = Object.assign(Object.create(null), { zone: "a" });
    assert.equal(
      evaluate('agent.labels.zone == "a" && size(agent.labels) == 1', { attributes: { labels } }),
      TRUE,
    );
  });

  test("keeps keys of args as they are, __proto__ too", () => {
    const args = linked({ args: JSON.parse('{"__proto__": "${1}", "a": {"__proto__": 2}}') }).args(
      1,
    );
    assert.deepEqual(Object.keys(args), ["__proto__", "a"]);
    assert.equal(Object.getPrototypeOf(args), Object.prototype);
    assert.equal(JSON.stringify(args), '{"__proto__":"1","a":{"__proto__":2}}');
  });
});

describe("bounds", () => {
  test("an expression is at most 8,192 characters", () => {
    assert.equal(
      problemOf(`agent.id == "${"x".repeat(8192)}"`),
      "1:1 the expression is longer than 8192 characters: split it into several rules",
    );
  });

  test("an expression nests at most 64 levels, in whatever way it nests", () => {
    const nestings: Record<string, (depth: number) => string> = {
      brackets: (depth) => `${"(".repeat(depth)}true${")".repeat(depth)}`,
      lists: (depth) => `${"[".repeat(depth)}${"]".repeat(depth)} == 1`,
      maps: (depth) => `${"{1:".repeat(depth)}1${"}".repeat(depth)} == 1`,
      calls: (depth) => `${"bool(".repeat(depth)}true${")".repeat(depth)}`,
      indices: (depth) => `${"twin[".repeat(depth)}1${"]".repeat(depth)} == 1`,
      conditionals: (depth) => `${"true ? true : ".repeat(depth)}true`,
      fields: (depth) => `twin${".a".repeat(depth)} == 1`,
      sums: (depth) => `1${" + 1".repeat(depth)} == 1`,
      methods: (depth) => `twin${".filter(x, true)".repeat(depth)} == 1`,
    };
    for (const [way, nest] of Object.entries(nestings)) {
      assert.deepEqual(
        planRule({ name: "a", action: "b", expr: nest(10) }).problems.filter((problem) =>
          /deeper/.test(problem.message),
        ),
        [],
        way,
      );
      for (const depth of [70, 500])
        assert.match(
          problemsOf({ expr: nest(depth) })[0]?.message ?? "",
          /deeper than 64 levels|longer than/,
          way,
        );
    }
    assert.equal(evaluate(`${"!".repeat(8000)}true`), TRUE);
    assert.equal(evaluate(Array(500).fill("true").join(" && ")), TRUE);
  });

  test("macros nest at most 2 levels", () => {
    assert.match(
      problemOf("[1].exists(a, [1].exists(b, [1].exists(c, c == a)))"),
      /^1:32 exists nests deeper than 2 levels/,
    );
    assert.equal(
      evaluate(
        "[1].exists(a, [1].exists(b, b == a)) && [1].map(x, x).map(x, x).exists(x, [1].exists(y, x == y))",
      ),
      TRUE,
    );
  });

  test("a list or map holds at most 1,000 elements", () => {
    assert.match(problemOf(`1 in [${Array(1001).fill(1).join(",")}]`), /more than 1000 elements/);
    assert.equal(evaluate(`1 in [${Array(1000).fill(1).join(",")}]`), TRUE);
  });

  test("an evaluation that takes more than 10,000 steps is unknown", () => {
    const list = Array.from({ length: 200 }, (_, index) => index);
    const twin = { list, long: Array(20_000).fill(1), text: "x".repeat(1_000_000) };
    assert.equal(evaluate("twin.list.exists(a, a == 199)", { twin }), TRUE);
    assert.equal(
      evaluate("twin.list.exists(a, twin.list.exists(b, a + b == 1000))", { twin }),
      UNKNOWN,
    );
    assert.equal(evaluate("twin.long.all(a, a == 1)", { twin }), UNKNOWN);
    assert.equal(evaluate("2 in twin.long", { twin }), UNKNOWN);
    assert.equal(evaluate("twin.long == twin.long + []", { twin }), UNKNOWN);
    assert.equal(evaluate('twin.text.contains("y")', { twin }), UNKNOWN);
    assert.equal(evaluate('twin.text.matches("y")', { twin }), UNKNOWN);
  });

  test("a twin nested beyond the stack is unknown, not thrown", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 200_000; level += 1) deep = [deep];
    let other: unknown = 1;
    for (let level = 0; level < 200_000; level += 1) other = [other];
    const twin = Object.fromEntries([
      ["a", deep],
      ["b", other],
    ]) as never;
    assert.equal(evaluate("twin.a == twin.b", { twin }), UNKNOWN);
    assert.deepEqual(linked({ args: { a: "${twin.a}" } }, { twin }).args(1), { a: "unknown" });
  });

  test("a pattern is at most 512 characters", () => {
    assert.match(problemOf(`agent.id.matches("${"a".repeat(513)}")`), /longer than 512 characters/);
    assert.match(problemOf('agent.id.matches("(((a{1000}){1000}){1000})")'), /cannot be compiled/);
  });

  test("args are at most 16 levels deep and 16,384 characters long", () => {
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(20)}1${"}".repeat(20)}`);
    assert.match(problemsOf({ args: deep as never })[0]?.message ?? "", /deeper than 16 levels/);
    assert.match(
      problemsOf({ args: { a: "x".repeat(16_384) } })[0]?.message ?? "",
      /longer than 16384 characters/,
    );
  });

  test("a long file is read piece by piece", () => {
    const rule = "  - name: r\n    expr: m > 1 && n > 2\n    action: act\n";
    const steps = readRuleFile(`rules:\n${rule.repeat(500)}`);
    let count = 0;
    while (steps.next().done !== true) count += 1;
    // Beside a step for each rule.
    assert.ok(count > 500 + 100, `${count} pieces`);
  });

  test("a file is at most a mebibyte and 10,000 rules, and no nesting or alias overflows its reader", () => {
    const messageOf = (text: string): string =>
      parseRuleFile(text, { fileName: "rules.yaml" }).problems[0]?.message ?? "";
    assert.equal(
      messageOf("#".repeat(1024 * 1024 + 1)),
      "rules.yaml is longer than 1048576 characters",
    );
    assert.equal(
      messageOf(`rules: [${"{},".repeat(10_001)}]`),
      "rules.yaml has more than 10000 rules",
    );
    assert.notEqual(messageOf(`rules: ${"[".repeat(100_000)}`), "");
    const bomb = [
      "a: &a0 [x]",
      ...Array.from(
        { length: 20 },
        (_, level) => `b${level}: &a${level + 1} [${`*a${level},`.repeat(9)}]`,
      ),
    ];
    assert.notEqual(
      messageOf(
        `rules:\n  - name: a\n    args:\n${bomb.map((line) => `      ${line}`).join("\n")}\n`,
      ),
      "",
    );
  });

  test("nothing that is no rule throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        planRule({ name: "a", action: "b", expr: text, args: { a: `\${${text}` } });
        compileSelector(text);
        parseRuleFile(text);
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) =>
        assert.ok(planRule(value as never).problems.length > 0),
      ),
    );
    const pieces = fc.constantFrom(
      "a",
      "1",
      "1.5",
      '"x"',
      "(",
      ")",
      "[",
      "]",
      "{",
      "}",
      "?",
      ":",
      "&&",
      "||",
      "!",
      "-",
      "+",
      "==",
      "<",
      "in",
      ".",
      ",",
      "agent",
      "twin",
      ".exists(x,",
      "has(",
      "default(",
      "for",
      "10s",
      "//",
      "\n",
      "'",
      'r"',
      "'''",
      ".`a b`",
      "`",
      'b"\\xff"',
      "timestamp(",
      ".getHours(",
      "type(",
      "int",
      "avg_over_time(a,",
      '"30s"',
      "absent(",
      "event.attrs",
      "matches(",
    );
    const context = {
      ...contextOf(),
      kept: () => ({ value: () => Number.NaN }),
      event: () => undefined,
    };
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 24 }), (parts) => {
        const source = { name: "a", action: "b", expr: parts.join(" ") };
        const { plan, problems } = planRule(source);
        assert.ok(plan !== undefined || problems.length > 0);
        if (plan !== undefined) assert.ok([0, 1, 2].includes(linkRule(plan, context).condition(1)));
        for (const problem of problems) assert.ok(problem.line >= 1 && problem.column >= 1);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a selector of agents", () => {
  const agent = {
    id: "w1",
    type: "trader",
    tier: "edge",
    labels: { zone: "a" },
    capabilities: ["x"],
  };

  test("matches by attributes", () => {
    const selector = compileSelector('agent.type == "trader" && "x" in agent.capabilities');
    assert.ok(selector.ok);
    assert.equal(selector.matches(agent), 1);
    assert.equal(selector.matches({ ...agent, type: "worker" }), 0);
    const label = compileSelector('agent.labels.rack == "1"');
    assert.ok(label.ok);
    assert.equal(label.matches(agent), UNKNOWN);
  });

  test("reads nothing but attributes, and says what is wrong", () => {
    for (const text of ["cpu > 1", "agent.uptime > 1", "twin.a == 1", "agent.id", "agent.id =="]) {
      const selector = compileSelector(text);
      assert.equal(selector.ok, false, text);
    }
    const selector = compileSelector('agent.id == "a" &&\n agent.tpye == "b"');
    assert.deepEqual(!selector.ok && selector.problems, [
      {
        severity: "error",
        line: 2,
        column: 7,
        length: 5,
        message: 'unknown agent field "tpye"',
        hint: "did you mean agent.type?",
      },
    ]);
  });
});
