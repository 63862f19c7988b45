import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { LedgerQuery } from "../../ports/store.ts";
import { LedgerFiles } from "./ledger-files.ts";
import type { LedgerRow, LedgerSettings } from "./protocol.ts";

const dayMs = 86_400e3;
const noonMs = Date.UTC(2026, 10, 21, 12);

interface Bench {
  /** The time that the ledger sees; set it to let days pass. */
  nowMs: number;
  readonly ledger: LedgerFiles;
  readonly folder: string;
  days(): string[];
  ids(query?: Partial<LedgerQuery>): string[];
}

function withLedger(check: (bench: Bench) => void, settings: Partial<LedgerSettings> = {}): void {
  const directory = mkdtempSync(join(tmpdir(), "myelin-ledger-"));
  const folder = join(directory, "ledger");
  const bench: Bench = {
    nowMs: noonMs,
    ledger: new LedgerFiles(
      { directory, retentionDays: 7, maxBytes: 1 << 30, ...settings },
      () => bench.nowMs,
    ),
    folder,
    days: () =>
      readdirSync(folder)
        .filter((name) => name.endsWith(".db"))
        .sort(),
    ids: (query) =>
      bench.ledger.query({ limit: 1000, newestFirst: true, ...query }).entries.map(String),
  };
  try {
    check(bench);
  } finally {
    bench.ledger.close();
    rmSync(directory, { recursive: true });
  }
}

function row(id: string, endedAtMs: number, changes: Partial<LedgerRow> = {}): LedgerRow {
  const endedAtUs = endedAtMs * 1e3;
  return {
    id,
    agent: "w1",
    rule: "hot",
    status: "executed",
    createdAtUs: endedAtUs,
    endedAtUs,
    text: id,
    ...changes,
  };
}

test("each day has a file of its own, and queries and cursors go over all of them", () => {
  withLedger((bench) => {
    for (let day = 0; day < 3; day++) {
      bench.nowMs = noonMs + day * dayMs;
      bench.ledger.append([0, 1, 2].map((index) => row(`${day}${index}`, bench.nowMs)));
    }
    assert.deepEqual(bench.days(), ["2026-11-21.db", "2026-11-22.db", "2026-11-23.db"]);
    const oldestFirst = ["00", "01", "02", "10", "11", "12", "20", "21", "22"];
    for (const newestFirst of [true, false]) {
      const read: string[] = [];
      let cursor: string | undefined;
      do {
        const page = bench.ledger.query({
          limit: 2,
          newestFirst,
          ...(cursor === undefined ? {} : { cursor }),
        });
        read.push(...page.entries);
        cursor = page.entries.length === 0 ? undefined : page.cursor;
      } while (cursor !== undefined);
      assert.deepEqual(read, newestFirst ? oldestFirst.toReversed() : oldestFirst);
    }
    assert.deepEqual(
      bench.ids({ sinceUs: (noonMs + dayMs) * 1e3, untilUs: (noonMs + 2 * dayMs) * 1e3 }),
      ["12", "11", "10"],
    );
    assert.equal(bench.ledger.find("01"), "01");
  });
});

test("a clock that goes back does not go back to an earlier file", () => {
  withLedger((bench) => {
    bench.nowMs = noonMs + dayMs;
    bench.ledger.append([row("a", bench.nowMs)]);
    bench.nowMs = noonMs;
    bench.ledger.append([row("b", bench.nowMs)]);
    assert.deepEqual(bench.days(), ["2026-11-22.db"]);
    assert.deepEqual(bench.ids(), ["b", "a"]);
  });
});

test("an entry that is appended again on a later day is found once", () => {
  withLedger((bench) => {
    bench.ledger.append([row("a", noonMs), row("b", noonMs)]);
    bench.nowMs = noonMs + dayMs;
    bench.ledger.append([row("a", bench.nowMs, { createdAtUs: noonMs * 1e3, text: "a again" })]);
    assert.deepEqual(bench.ids(), ["a again", "b"]);
    assert.equal(bench.ledger.find("a"), "a again");
  });
});

test("files older than the retention are deleted whole", () => {
  withLedger(
    (bench) => {
      for (let day = 0; day < 4; day++) {
        bench.nowMs = noonMs + day * dayMs;
        bench.ledger.append([row(`d${day}`, bench.nowMs)]);
      }
      bench.ledger.maintain();
      assert.deepEqual(bench.days(), ["2026-11-22.db", "2026-11-23.db", "2026-11-24.db"]);
      assert.deepEqual(bench.ids(), ["d3", "d2", "d1"]);
      const names = readdirSync(bench.folder);
      assert.ok(
        !names.some((name) => name.startsWith("2026-11-21")),
        `nothing of that day: ${names.join(" ")}`,
      );
    },
    { retentionDays: 2 },
  );
});

test("beyond the bound of bytes the oldest file goes first", () => {
  withLedger(
    (bench) => {
      for (let day = 0; day < 3; day++) {
        bench.nowMs = noonMs + day * dayMs;
        bench.ledger.append([row(`d${day}`, bench.nowMs, { text: "x".repeat(100_000) })]);
      }
      bench.ledger.maintain();
      assert.deepEqual(bench.days(), ["2026-11-22.db", "2026-11-23.db"]);
    },
    { maxBytes: 300_000 },
  );
});

test("today's file beyond the bound gives up its oldest entries, and does not grow on", () => {
  withLedger(
    (bench) => {
      const path = join(bench.folder, "2026-11-21.db");
      const sizes: number[] = [];
      for (let round = 0; round < 20; round++) {
        const ids = Array.from({ length: 100 }, (_, index) => `${round}-${index}`);
        bench.ledger.append(ids.map((id) => row(id, noonMs, { text: id.padEnd(1000) })));
        bench.ledger.maintain();
        sizes.push(statSync(path).size);
      }
      assert.ok(Math.max(...sizes) < 800_000, `sizes: ${sizes.join(" ")}`);
      const newest = bench.ids({ limit: 1 });
      assert.equal(newest[0]?.trim(), "19-99");
      assert.equal(bench.ledger.find("0-0"), undefined);
    },
    { maxBytes: 500_000 },
  );
});

test("a cursor into a deleted file goes on with what is left", () => {
  withLedger(
    (bench) => {
      bench.ledger.append([row("a", noonMs), row("b", noonMs)]);
      const { cursor } = bench.ledger.query({ limit: 1, newestFirst: false });
      bench.nowMs = noonMs + 3 * dayMs;
      bench.ledger.append([row("c", bench.nowMs)]);
      bench.ledger.maintain();
      assert.deepEqual(bench.ids({ newestFirst: false, cursor: cursor ?? "none" }), ["c"]);
    },
    { retentionDays: 1 },
  );
});
