// Many damages, one at a time, each to a fresh copy.
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { MyelinError } from "@myelin/core/errors";
import { type Random, seededRandom } from "@myelin/core/random";
import {
  backupOfDirectory,
  restoreBackup,
} from "../../../packages/node/src/adapters/backup/index.ts";
import { openSqliteStore } from "../../../packages/node/src/adapters/sqlite-store/index.ts";
import { type Damage, flip, forEachOf, truncation, tryDamage } from "./damage.ts";
import { type History, pageBytes, tellAll, tellLedger } from "./history.ts";
import { type Ends, judgeLedger, judgeState, noEnds } from "./judge.ts";

const atOnce = 3;
const createdAtMs = Date.UTC(2026, 10, 21);

/** Which damages are done. */
export interface DamageOptions {
  readonly file: "state.db" | "state.db-wal" | "ledger";
  readonly damage: "cut" | "changed";
  readonly seed: number;
  /** How many; a database is cut at each of its pages, however many it has. */
  readonly count: number;
}

/** How they ended, and a sentence for each that ended as it must not. */
export interface DamageReport {
  readonly ends: Ends;
  readonly breaches: readonly string[];
}

/** Damages one file of a history again and again. */
export async function damageAll(history: History, options: DamageOptions): Promise<DamageReport> {
  const isLedger = options.file === "ledger";
  const directory = options.file === "state.db-wal" ? history.killed : history.closed;
  const file = isLedger ? history.ledgerFile : options.file;
  const ask = isLedger ? tellLedger : tellAll;
  const ends = noEnds();
  const breaches: string[] = [];
  const sizeBytes = statSync(join(directory, file)).size;
  await forEachOf(damagesOf(file, sizeBytes, options), atOnce, async (damage) => {
    const outcome = await tryDamage(directory, damage, ask);
    const judge = isLedger ? judgeLedger : judgeState;
    const why = judge(history, damage, outcome, ends);
    if (why !== undefined) breaches.push(`${damage.what}: ${why}`);
  });
  return { ends, breaches };
}

function damagesOf(
  file: string,
  sizeBytes: number,
  { damage, seed, count }: Pick<DamageOptions, "damage" | "seed" | "count">,
): Damage[] {
  const random = seededRandom(seed);
  if (damage === "changed")
    return Array.from({ length: count }, () => flip(file, sizeBytes, random));
  const places = file.endsWith("-wal")
    ? Array.from({ length: count }, () => Math.floor(random.float() * sizeBytes))
    : Array.from({ length: sizeBytes / pageBytes }, (_, page) => page * pageBytes);
  return places.map((at) => truncation(file, at));
}

/** Cuts and changes a backup again and again, and restores it each time. */
export async function damageBackups(
  history: History,
  folder: string,
  { seed, count }: Pick<DamageOptions, "seed" | "count">,
): Promise<DamageReport> {
  const archive = join(folder, "backup.tar");
  const origin = { version: "0.1.0", node: "edge-1", createdAtMs };
  const chunks: Uint8Array[] = [];
  for await (const chunk of backupOfDirectory(history.closed, archive, origin)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const random = seededRandom(seed);
  const ends = noEnds();
  const breaches: string[] = [];
  for (let index = 0; index < count; index++) {
    const [what, spoil] = backupDamage(archive, bytes.length, random, index % 3 === 0);
    writeFileSync(archive, bytes);
    spoil();
    const why = await judgeRestored(history, archive, folder, ends);
    if (why !== undefined) breaches.push(`the backup ${what}: ${why}`);
  }
  return { ends, breaches };
}

function backupDamage(
  path: string,
  sizeBytes: number,
  random: Random,
  isCut: boolean,
): readonly [string, () => void] {
  if (!isCut) {
    const { what, apply } = flip("backup.tar", sizeBytes, random);
    return [what, () => apply(path)];
  }
  const at = Math.floor(random.float() * sizeBytes);
  return [`cut at byte ${at}`, () => truncateSync(path, at)];
}

async function judgeRestored(
  history: History,
  archive: string,
  folder: string,
  ends: Ends,
): Promise<string | undefined> {
  const directory = mkdtempSync(join(folder, "restored-"));
  try {
    await restoreBackup({ archive, directory, isForced: false, nowMs: createdAtMs });
    await using store = await opened(directory);
    ends.unharmed += 1;
    const truth = history.moments.at(-1)?.told;
    return isDeepStrictEqual(await tellAll(store.store), truth)
      ? undefined
      : "it was restored, and is another";
  } catch (thrown) {
    ends.refused += 1;
    const { code, message, hint } = MyelinError.from(thrown);
    return code === "STORAGE_CORRUPT" && message !== "" && hint !== ""
      ? undefined
      : `${code}: ${message}`;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function opened(directory: string) {
  const store = await openSqliteStore({ directory });
  return { store, [Symbol.asyncDispose]: () => store.close() };
}
