import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileExpression, Duration, formatProblem, Timestamp, Uint } from "./index.ts";

/** What an expression over declared names gives. */
function evaluate(
  source: string,
  declarations: Parameters<typeof compileExpression>[1] = {},
  bindings: Record<string, unknown> = {},
): unknown {
  const compiled = compileExpression(source, declarations);
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return compiled.evaluate(bindings);
}

function problemsOf(source: string, declarations: Parameters<typeof compileExpression>[1] = {}) {
  const compiled = compileExpression(source, declarations);
  assert.ok(!compiled.ok);
  return compiled.problems.map((problem) => formatProblem(problem, undefined, source));
}

describe("one expression", () => {
  test("is typed, and evaluated against bindings again and again", () => {
    const compiled = compileExpression("used / total > 0.9", { used: "double", total: "double" });
    assert.ok(compiled.ok);
    assert.equal(compiled.type, "bool");
    assert.equal(compiled.evaluate({ used: 95, total: 100 }), true);
    assert.equal(compiled.evaluate({ used: 5, total: 100 }), false);
    assert.equal(compiled.evaluate({ used: 5 }), undefined);
  });

  test("takes values as programs have them, and gives such", () => {
    const now = new Date("2026-11-21T10:30:00Z");
    assert.equal(evaluate("at.getHours()", { at: "timestamp" }, { at: now }), 10n);
    assert.equal(evaluate("n + 1", { n: "int" }, { n: 41 }), 42n);
    assert.deepEqual(evaluate("n + 1u", { n: "uint" }, { n: 1 }), new Uint(2n));
    assert.equal(evaluate("size(b)", { b: "bytes" }, { b: Uint8Array.of(1, 2) }), 2n);
    assert.deepEqual(
      evaluate("m", { m: "dyn" }, { m: { a: [1, { b: 2 }] } }),
      new Map([["a", [1, new Map([["b", 2]])]]]),
    );
    assert.equal(
      evaluate("m.a + 1.5", { m: { key: "string", value: "double" } }, { m: { a: 1 } }),
      2.5,
    );
    assert.deepEqual(evaluate('duration("90s") + duration("1m")'), new Duration(150_000_000_000n));
    assert.deepEqual(evaluate("timestamp(0)"), new Timestamp(0n));
    assert.equal(
      evaluate("`a b`.size()".replace("`a b`", "m.`a b`"), { m: "dyn" }, { m: { "a b": "xyz" } }),
      3n,
    );
  });

  test("a value that is not of its declared type is unknown", () => {
    assert.equal(evaluate("n > 1", { n: "int" }, { n: 1.5 }), undefined);
    assert.equal(evaluate("n > 1.0", { n: "double" }, { n: "2" }), undefined);
    assert.equal(evaluate("l[0] > 1", { l: { list: "int" } }, { l: { a: 1 } }), undefined);
  });

  test("reads nothing but what is declared, and may declare agent and twin", () => {
    assert.deepEqual(problemsOf("agent.id == used", { used: "string" }), [
      '1:1: unknown name "agent": there are used\n  agent.id == used\n  ^^^^^^^^',
    ]);
    assert.match(
      problemsOf('avg_over_time(cpu, "1s") > 1')[0] ?? "",
      /avg_over_time cannot be used/,
    );
    const agent = { key: "string", value: "dyn" } as const;
    assert.equal(evaluate("agent.id == 'w1'", { agent }, { agent: { id: "w1" } }), true);
    assert.equal(evaluate("cpu > 0.5", { cpu: "double" }, { cpu: 0.6 }), true);
  });

  test("tells what is wrong, and underlines the piece", () => {
    assert.deepEqual(problemsOf('used > "high"', { used: "double" }), [
      '1:6: there is no operator > for double and string\n  used > "high"\n       ^',
    ]);
    assert.deepEqual(problemsOf("used >\n  usd", { used: "double" }), [
      '2:3: unknown name "usd": did you mean used?\n    usd\n    ^^^',
    ]);
    assert.deepEqual(problemsOf("a.`b", { a: "dyn" }), [
      "1:3: backquotes hold no name: letters, digits, spaces and _ - . / may stand between them\n  a.`b\n    ^",
    ]);
    assert.match(problemsOf("`a`", { a: "dyn" })[0] ?? "", /a name in backquotes is a field's/);
  });
});

describe("instants and durations", () => {
  test("are in nanoseconds, and unknown out of range", () => {
    for (const [source, expected] of [
      [
        'string(timestamp("2026-11-21T10:30:00.000000001+02:00"))',
        "2026-11-21T08:30:00.000000001Z",
      ],
      ['string(duration("-1h1.5s"))', "-3601.5s"],
      ['timestamp("2026-02-30T00:00:00Z")', undefined],
      ['timestamp("2026-11-21")', undefined],
      ['duration("1d")', undefined],
      ['duration("300000h") + duration("3000000h")', undefined],
      ['timestamp("2026-11-21T23:30:00Z").getDayOfWeek("Europe/Berlin")', 0n],
      ['timestamp("2026-11-21T23:30:00Z").getHours("-03:30")', 20n],
      ['timestamp("2026-11-21T23:30:00Z").getHours("Nowhere/There")', undefined],
      ['timestamp("2026-03-01T00:00:00Z").getDayOfYear()', 59n],
      [
        'timestamp("2026-03-01T00:00:00Z") - timestamp("2026-02-28T00:00:00Z") == duration("24h")',
        true,
      ],
      ['duration("1h") < duration("61m") && b"a" < b"b"', true],
      ["type(timestamp(0)) == google.protobuf.Timestamp", true],
      ['string(b"\\xff")', undefined],
      ['bytes("é") == b"\\303\\251"', true],
    ] as const)
      assert.equal(evaluate(source), expected, source);
  });
});
