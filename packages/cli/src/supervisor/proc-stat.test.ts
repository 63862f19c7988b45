import assert from "node:assert/strict";
import { test } from "node:test";
import { ProcReader } from "./proc-reader.ts";
import { emptyProcStat, parseProcStat } from "./proc-stat.ts";

function parse(text: string): ReturnType<typeof emptyProcStat> | undefined {
  const reader = new ProcReader();
  reader.length = reader.buffer.write(text, "latin1");
  const stat = emptyProcStat();
  return parseProcStat(reader, stat) ? stat : undefined;
}

const fields =
  "11 12 13 0 -1 4194304 900 901 902 903 150 50 30 12 20 0 7 0 123456 226000000 10816 18446744073709551615";

test("the fields are found behind a name with blanks and parentheses", () => {
  assert.deepEqual(parse(`42 (a) b (c) S ${fields}`), {
    isZombie: false,
    parentPid: 11,
    groupId: 12,
    sessionId: 13,
    ownTicks: 200,
    reapedTicks: 42,
    threads: 7,
    startTicks: 123456,
    residentPages: 10816,
  });
});

test("a zombie is told, and what is no stat is refused", () => {
  assert.equal(parse(`42 (sh) Z ${fields}`)?.isZombie, true);
  assert.equal(parse("no such thing"), undefined);
});
