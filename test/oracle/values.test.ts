import assert from "node:assert/strict";
import { test } from "node:test";
import type { Syntax } from "@myelin/core/rules";
import { parseExpression } from "@myelin/core/rules";
import { exactSum } from "./exact-sum.ts";
import { evaluate, type World } from "./interpret.ts";

const world: World = {
  latest: (metric) => ({ cpu: 0.5, inf: Infinity })[metric],
  attribute: (name) => ({ id: "w1", labels: { zone: "a" }, capabilities: ["gpu"] })[name],
  twin: () => ({ n: 1, deep: { n: 2 }, list: [1, 2], text: "on" }),
  event: () => undefined,
  window: () => undefined,
  age: () => undefined,
  isAbsent: () => false,
  countEvents: () => 0,
  fleet: () => undefined,
};

function valueOf(text: string): unknown {
  let problem = "";
  const syntax: Syntax | undefined = parseExpression(text, (_offset, message) => {
    problem = message;
  });
  assert.ok(syntax !== undefined, problem);
  return evaluate(syntax, world);
}

test("values, three-valued logic and standard CEL are what RULES says", () => {
  for (const expression of [
    "cpu == 0.5 && metric('cpu') * 2 == 1",
    "7 / 2 == 3 && 7 / 2.0 == 3.5 && -7 % 3 == -1",
    "twin.n + 1 == 2 && twin['deep'].n == 2 && twin.list[1] == 2",
    "agent.id == 'w1' && agent.labels.zone == 'a' && 'gpu' in agent.capabilities",
    "default(missing, 3) == 3 && default(cpu, 3) == 0.5 && default(missing, 7) / 2 == 3.5",
    "true || missing > 1",
    "!(false && missing > 1)",
    "inf > 1e300 && default(inf - inf, 1) == 1",
    "has(twin.n) && !has(twin.x) && has(agent.labels.zone)",
    "twin.list.exists(x, x > 1) && twin.list.all(x, x > 0) && twin.list.exists_one(x, x == 1)",
    "twin.list.filter(x, x > 1) == [2.0] && twin.list.map(x, x * 2) == [2.0, 4.0]",
    "size('aé😀') == 3 && size(twin.list) == 2 && 'abc'.contains('b') && 'abc'.matches('^a.c$')",
    "int(2.9) == 2 && double('1.5') == 1.5 && string(1.5) == '1.5' && bool('true') && uint(3) == 3u",
    "'a' < 'b' && false < true && 1 < 2.5 && (cpu > 0 ? 1 : 2) == 1 && {'a': 1}['a'] == 1",
  ])
    assert.equal(valueOf(expression), true, expression);
  for (const expression of [
    "missing > 1",
    "missing > 1 || false",
    "missing > 1 && true",
    "1 / 0 == 1",
    "9223372036854775807 + 1 > 0",
    "[1][1] == 1",
    "twin.x == 1",
    "has(twin.x.y)",
    "int('x') == 1",
    "dyn(1) < dyn('a')",
  ])
    assert.equal(valueOf(expression), undefined, expression);
});

test("a sum is rounded once", () => {
  assert.equal(exactSum([1e100, 1, -1e100]), 1);
  assert.equal(exactSum([0.1, 0.2, 0.3]), 0.6);
  assert.equal(exactSum([2 ** 53, 1, 1]), 2 ** 53 + 2);
  assert.equal(exactSum([5e-324, -5e-324]), 0);
  assert.equal(exactSum([-1.5, 0.5]), -1);
});
