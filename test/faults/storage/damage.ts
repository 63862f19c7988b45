// Spoils one file of a copy of a data directory, and sees what a store makes of it.
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MyelinError } from "@myelin/core/errors";
import type { Random } from "@myelin/core/random";
import {
  openSqliteStore,
  type SqliteStore,
} from "../../../packages/node/src/adapters/sqlite-store/index.ts";
import type { Told } from "./history.ts";

/** One damage to one file. */
export interface Damage {
  /** Relative to the data directory. */
  readonly file: string;
  readonly what: string;
  /** Where in the file it begins. */
  readonly at: number;
  apply(path: string): void;
}

/** Everything from a place on is lost. */
export function truncation(file: string, at: number): Damage {
  return {
    file,
    at,
    what: `${file} cut at byte ${at}`,
    apply: (path) => truncateSync(path, at),
  };
}

/** One to four bytes are others. */
export function flip(file: string, sizeBytes: number, random: Random): Damage {
  const at = Math.floor(random.float() * sizeBytes);
  const bits = Array.from(random.bytes(1 + Math.floor(random.float() ** 3 * 4)), (bit) => bit || 1);
  return {
    file,
    at,
    what: `${file} changed at byte ${at} by ${bits.join(",")}`,
    apply: (path) => {
      const bytes = readFileSync(path);
      for (const [index, bit] of bits.entries()) {
        const place = at + index;
        if (place < bytes.length) bytes.writeUInt8(bytes.readUInt8(place) ^ bit, place);
      }
      writeFileSync(path, bytes);
    },
  };
}

/** What a store made of a damage: it refused to open, or told this. */
export type Outcome = { readonly refused: MyelinError } | { readonly told: Told };

/** Spoils a copy, opens it, and asks it. */
export async function tryDamage(
  directory: string,
  { file, apply }: Damage,
  ask: (store: SqliteStore) => Promise<Told>,
): Promise<Outcome> {
  const copy = mkdtempSync(join(tmpdir(), "myelin-damage-"));
  try {
    cpSync(directory, copy, { recursive: true });
    apply(join(copy, file));
    const store = await openSqliteStore({ directory: copy });
    try {
      return { told: await ask(store) };
    } finally {
      await store.close();
    }
  } catch (thrown) {
    if (thrown instanceof MyelinError) return { refused: thrown };
    throw thrown;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** Does something with each item, some at a time. */
export async function forEachOf<Item>(
  items: readonly Item[],
  atOnce: number,
  use: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of waiting) await use(item);
    }),
  );
}
