import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  isNear,
  naive,
  naiveQuantile,
  plainFunctions,
  type Point,
  TestWindows,
} from "./test-support.ts";

const originUs = 1_760_000_000_000_000;
const sampleCount = 1_000_000;
const checkEvery = 20_011;

/** The same numbers from 0 to 1 each time. */
function numbers(): () => number {
  let seed = 1;
  return () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
}

interface Stream {
  readonly name: string;
  value(next: number, number: number): number;
}

const streams: readonly Stream[] = [
  { name: "small differences from a large mean", value: (next) => 1e9 + next * 1e-3 },
  {
    name: "rare huge values and infinities among small ones",
    value: (next, number) =>
      number % 1_013 === 0 ? 1e100 : number % 2_027 === 0 ? -Infinity : next - 0.5,
  },
];

describe("a window over a million samples", () => {
  for (const { name, value } of streams) {
    test(`of ${name} gives what exact arithmetic gives`, () => {
      const next = numbers();
      const widthUs = 700_000;
      const windows = new TestWindows(widthUs);
      const points: Point[] = [];
      let nowUs = originUs;
      let checks = 0;
      for (let number = 0; number < sampleCount; number += 1) {
        nowUs += 1 + Math.floor(next() * 2_000);
        const sample = value(next(), number);
        windows.log.append(0, nowUs, sample);
        for (const plain of plainFunctions) if (number % 7 === 0) windows.read(plain, 0, nowUs);
        if (number % checkEvery > 1_024) continue;
        points.push([nowUs, sample]);
        if (number % checkEvery < 1_024) continue;
        const inWindow = points.filter(([timeUs]) => timeUs > nowUs - widthUs);
        points.length = 0;
        checks += 1;
        for (const plain of plainFunctions) {
          const actual = windows.read(plain, 0, nowUs);
          const expected = naive(plain, inWindow);
          assert.ok(isNear(actual, expected, 1e-11), `${plain}: ${actual} is not ${expected}`);
        }
        const values = inWindow.map(([, each]) => each);
        assert.equal(windows.quantile(0, nowUs, 0.9), naiveQuantile(values, 0.9));
      }
      assert.ok(checks > 40);
    });
  }
});
