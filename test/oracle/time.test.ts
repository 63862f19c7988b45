import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Told } from "./test-support.ts";

describe("time", () => {
  test("2: the samples of a frame are applied in order of time, one evaluation per instant", () => {
    const told = new Told("expr: m > 1 && n > 1");
    told.frame([
      [3, "m", 0],
      [1, "m", 2],
      [2, "n", 2],
    ]);
    assert.deepEqual(told.log, ["r fires 2", "r ends 3"]);
  });

  test("2: of two samples of a metric at one instant both enter windows, and the later is the value", () => {
    const told = new Told(`
      - { name: value, expr: m == 1, action: stop }
      - { name: sum, expr: 'sum_over_time(m, "1s") == 3', action: stop }`);
    told.frame([
      [1, "m", 2],
      [1, "m", 1],
    ]);
    assert.deepEqual(told.log, ["sum fires 1", "value fires 1"]);
  });

  test("3: late is what is older than the newest of its part, or than the newest of its series", () => {
    const told = new Told("expr: m > 1");
    told.send(5, 0, { metric: "n" });
    told.send(4, 2);
    told.send(4, 2, { part: "supervisor" });
    told.send(4.5, 0, { part: "supervisor", metric: "n" });
    assert.equal(told.oracle.late, 2);
    assert.deepEqual(told.log, ["r fires 5"]);
  });

  test("3: what is behind the agent's time enters windows at its own time", () => {
    const told = new Told("expr: 'sum_over_time(m, \"2s\") > 0 && n > 0'");
    told.send(10, 0, { metric: "x" });
    told.send(7, 1, { part: "supervisor" });
    told.send(11, 1, { metric: "n" });
    assert.deepEqual(told.log, []);
  });

  test("3: with lateness samples are held back and applied in order", () => {
    const told = new Told("expr: m > 1, for: 1s", { latenessUs: 2_000_000 });
    told.send(2, 2);
    told.frame([[1, "m", 2]], { nowSeconds: 2 });
    assert.equal(told.state(), "inactive");
    told.send(4, 0);
    assert.equal(told.oracle.late, 0);
    assert.deepEqual(told.log, ["r fires 2"]);
    told.clock(6);
    assert.deepEqual(told.log, ["r fires 2", "r ends 4"]);
  });

  test("4: what is too far ahead is refused and makes nothing late", () => {
    const told = new Told("expr: m > 1");
    told.frame([[61, "m", 2]], { nowSeconds: 0 });
    told.send(1, 2);
    assert.equal(told.oracle.future, 1);
    assert.deepEqual(told.log, ["r fires 1"]);
  });

  test("4: a new time line of a part makes what was newest no bound for it", () => {
    const told = new Told("expr: m > 1");
    told.send(5, 0);
    told.line(5);
    told.send(3, 2);
    assert.equal(told.oracle.late, 0);
    assert.deepEqual(told.log, ["r fires 5.000001"]);
  });

  test("5: what a rule reads evaluates it, the same value too, and nothing else does", () => {
    const told = new Told("expr: m > 1 && agent.uptime > 3");
    told.send(1, 2);
    told.send(4, 2, { metric: "n" });
    assert.deepEqual(told.log, []);
    told.send(5, 2);
    assert.deepEqual(told.log, ["r fires 5"]);
  });

  test("5: a field of the twin that is read evaluates, another does not", () => {
    const told = new Told("expr: twin.a.b == 1 && agent.uptime > 1");
    told.twin(1, { a: { b: 1 } });
    told.twin(2, { a: { b: 1 }, c: 1 });
    assert.deepEqual(told.log, []);
    told.twin(3, { a: { b: 1, c: 1 } });
    assert.deepEqual(told.log, []);
    told.twin(4, { a: { b: 2 } });
    told.twin(5, { a: { b: 1 } });
    assert.deepEqual(told.log, ["r fires 5"]);
  });

  test("5: a sample leaving a window evaluates nothing", () => {
    const told = new Told("expr: 'count_over_time(m, \"2s\") > 1'");
    told.send(1, 1);
    told.send(2, 1);
    told.clock(60);
    assert.equal(told.state(), "firing");
  });

  test("6: absence is evaluated when it is due, and for in such a rule, too", () => {
    const told = new Told("expr: 'absent(m, \"2s\")', for: 3s");
    told.send(1, 0);
    told.clock(2.999);
    assert.equal(told.state(), "inactive");
    told.clock(3);
    assert.equal(told.state(), "pending");
    told.clock(6);
    told.send(7, 0);
    assert.deepEqual(told.log, ["r fires 6", "r ends 7"]);
  });

  test("6: age is evaluated where it crosses the literal, rounded up to a millisecond", () => {
    for (const [sign, at] of [
      [">", 3.001],
      [">=", 3],
    ] as const) {
      const told = new Told(`expr: age(m) ${sign} 2`);
      told.send(1, 0);
      told.clock(10);
      assert.deepEqual(told.log, [`r fires ${at}`]);
    }
  });

  test("6: at one instant inputs come before timers, and the end of keep_firing_for last", () => {
    const told = new Told(`
      - { name: silent, expr: 'absent(m, "2s")', action: stop }
      - { name: kept, expr: m > 1, keep_firing_for: 2s, action: stop }`);
    told.send(1, 2);
    told.send(2, 0);
    told.clock(4);
    assert.deepEqual(told.log, ["kept fires 1", "silent fires 4", "kept ends 4"]);
    const other = new Told("expr: 'absent(m, \"2s\")'");
    other.send(1, 0);
    other.send(3, 0);
    other.clock(4.9);
    assert.deepEqual(other.log, []);
  });

  test("6: timers that are due before an input's instant come first", () => {
    const told = new Told("expr: 'absent(m, \"2s\")'");
    told.send(1, 0);
    told.send(5, 0);
    assert.deepEqual(told.log, ["r fires 3", "r ends 5"]);
  });

  test("6: an event is not evaluated at the instant of a timer that came late", () => {
    const told = new Told("expr: 'false'");
    told.send(0, 0);
    told.send(1.5, 0, { metric: "other" });
    told.rules(`
      - { name: called, expr: event.type == "call", action: stop }
      - { name: silent, expr: age(m) >= 1, action: stop }`);
    told.event(1.5, "call");
    const fires = told.log.filter((line) => line.includes("fires"));
    assert.deepEqual(fires, ["silent fires 1.5", "called fires 1.500001"]);
  });
});
