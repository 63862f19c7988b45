import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeldBack } from "./index.ts";

/** Notes what an engine would be told. */
class Taken {
  readonly calls: string[] = [];
  readonly counters = { hurriedSamples: 0, late: 0 };
  readonly futureToleranceUs = 1_000;
  newestUs = Number.NEGATIVE_INFINITY;
  present = 1;
  line = "line-1";
  readonly held: HeldBack;

  constructor(maxSamples = 100) {
    const { counters } = this;
    this.held = new HeldBack({ engine: this, latenessUs: 10, maxSamples, counters });
  }

  evaluationUs(): number {
    return this.newestUs;
  }

  timeLine(): string {
    return this.line;
  }

  tenancy(): number {
    return this.present;
  }

  apply(
    _slot: number,
    part: number,
    count: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
  ): void {
    const told = Array.from(
      { length: count },
      (_, at) => `${timesUs[at]}:${metrics[at]}=${values[at]}`,
    );
    this.calls.push(`${part} ${told.join(" ")}`);
    const lastUs = timesUs[count - 1] ?? 0;
    if (lastUs < this.futureToleranceUs) this.newestUs = Math.max(this.newestUs, lastUs);
  }

  send(nowUs: number, part: number, ...samples: readonly [atUs: number, value: number][]): void {
    this.held.apply(
      0,
      part,
      samples.length,
      Int32Array.from(samples, () => 7),
      Float64Array.from(samples, ([, value]) => value),
      Float64Array.from(samples, ([atUs]) => atUs),
      nowUs,
    );
  }
}

describe("samples that are held back", () => {
  test("leave in order of time once the agent's newest is late enough, those of a part together", () => {
    const taken = new Taken();
    taken.send(100, 1, [100, 1], [104, 2]);
    taken.send(105, 1, [102, 3]);
    taken.send(106, 2, [103, 4]);
    assert.deepEqual([taken.calls, taken.held.count], [[], 4]);
    taken.send(107, 1, [113, 5]);
    assert.deepEqual(taken.calls, ["1 100:7=1 102:7=3", "2 103:7=4"]);
    assert.equal(taken.held.count, 2);
  });

  test("leave when they have waited long enough, and not before", () => {
    const taken = new Taken();
    taken.send(100, 1, [100, 1]);
    assert.equal(taken.held.nextDueUs, 110);
    taken.held.release(109);
    assert.deepEqual(taken.calls, []);
    taken.held.release(110);
    assert.deepEqual(taken.calls, ["1 100:7=1"]);
    assert.equal(taken.held.nextDueUs, Number.POSITIVE_INFINITY);
  });

  test("are bounded: beyond, those of the agent leave at once and are counted", () => {
    const taken = new Taken(2);
    taken.send(100, 1, [102, 1], [103, 2]);
    taken.send(100, 1, [101, 3]);
    assert.deepEqual(taken.calls, ["1 101:7=3 102:7=1 103:7=2"]);
    assert.deepEqual([taken.held.count, taken.counters.hurriedSamples], [0, 3]);
  });

  test("are applied up to what has left, on the part's clock, and none that waits is told as applied", () => {
    const taken = new Taken();
    taken.send(100, 1, [100, 1], [104, 2]);
    taken.send(105, 2, [105, 3]);
    assert.deepEqual([taken.held.appliedUs(0, 1), taken.held.appliedOf(0, 1)], [-Infinity, 0]);
    taken.send(106, 1, [111, 4]);
    assert.deepEqual([taken.held.appliedUs(0, 1), taken.held.appliedOf(0, 1)], [100, 1]);
    assert.equal(taken.held.appliedOf(0, 2), 2);
    taken.held.release(200);
    assert.deepEqual([taken.held.appliedUs(0, 1), taken.held.appliedOf(0, 1)], [111, Infinity]);
    taken.line = "line-2";
    assert.equal(taken.held.appliedUs(0, 1), -Infinity);
  });

  test("of what comes again in another session those that wait stay, and none is taken twice", () => {
    const taken = new Taken();
    taken.send(100, 1, [100, 1], [104, 2]);
    taken.held.follow(0, 1);
    taken.send(105, 1, [100, 1], [104, 2], [105, 3]);
    taken.held.release(200);
    assert.deepEqual([taken.calls, taken.counters.late], [["1 100:7=1 104:7=2 105:7=3"], 2]);
  });

  test("go on in a new time line of the same clock, and none other", () => {
    const taken = new Taken();
    taken.send(100, 1, [100, 1], [111, 2]);
    taken.line = "line-2";
    assert.equal(taken.held.goOnAnew(0, 1, "line-0"), -Infinity);
    assert.equal(taken.held.goOnAnew(0, 1, "line-1"), 100);
    assert.equal(taken.held.appliedUs(0, 1), 100);
    taken.held.release(200);
    assert.equal(taken.held.appliedUs(0, 1), 111);
  });

  test("go with their agent, and one from too far ahead makes none of them old", () => {
    const taken = new Taken();
    taken.send(100, 1, [100, 1], [2_000, 2]);
    assert.deepEqual([taken.calls, taken.held.count], [["1 2000:7=2"], 1]);
    taken.newestUs = Number.NEGATIVE_INFINITY;
    taken.present = 2;
    taken.send(101, 1, [101, 3]);
    taken.held.release(200);
    assert.deepEqual(taken.calls.slice(1), ["1 101:7=3"]);
  });
});
