import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseSeries } from "./index.ts";

function valuesOf(text: string): readonly (number | undefined)[] {
  const result = parseSeries(text);
  assert.ok("values" in result, JSON.stringify(result));
  return result.values;
}

function faultOf(text: string): string {
  const result = parseSeries(text);
  assert.ok("fault" in result);
  return `${result.fault.offset}: ${result.fault.message}`;
}

const _ = undefined;

suite("the notation of series", () => {
  test("has values with spaces between, as promtool does", () => {
    assert.deepEqual(valuesOf("1 -2.5  .5\n1e3 +4"), [1, -2.5, 0.5, 1000, 4]);
    assert.deepEqual(valuesOf("0+10x5"), [0, 10, 20, 30, 40, 50]);
    assert.deepEqual(valuesOf("-2+4x3"), [-2, 2, 6, 10]);
    assert.deepEqual(valuesOf("1-2x4"), [1, -1, -3, -5, -7]);
    assert.deepEqual(valuesOf("1x4"), [1, 1, 1, 1, 1]);
    assert.deepEqual(valuesOf("7x0 1e2+1e1x1"), [7, 100, 110]);
    assert.deepEqual(valuesOf("1 _x3 stale"), [1, _, _, _, Number.NaN]);
    assert.deepEqual(valuesOf("_ 0+10x1 _x2 _x0"), [_, 0, 10, _, _]);
    assert.deepEqual(valuesOf("Inf -Inf +inf NaN"), [Infinity, -Infinity, Infinity, Number.NaN]);
    assert.deepEqual(valuesOf("Infx1 NaNx1"), [Infinity, Infinity, Number.NaN, Number.NaN]);
  });

  test("says where it is not one", () => {
    assert.equal(faultOf("1 2 three"), '4: "three" is no part of a series');
    for (const word of ["1x", "x3", "1+x3", "1+-2x3", "_3", "stalex2", "0x1F", "1,2", "1+2", "--1"])
      assert.equal(faultOf(word), `0: ${JSON.stringify(word)} is no part of a series`);
    assert.equal(faultOf(" "), "0: the series is empty");
  });

  test("has a bound", () => {
    assert.equal(valuesOf("1x99999").length, 100_000);
    assert.equal(faultOf("1x99999 1"), "8: the series has more than 100000 samples");
    assert.equal(faultOf("_x99999999999999999999"), "0: the series has more than 100000 samples");
  });
});
