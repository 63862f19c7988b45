// A backup as one file: a tar of the data directory's files, with the manifest last.
//
// Invariants
// 1. An archive without its manifest, or with other bytes than the manifest names, is refused.
// 2. Only files of a data directory are unpacked (`state.db`, `ledger/YYYY-MM-DD.db`), whatever names an archive has.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readdirSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { MyelinError } from "@myelin/core/errors";
import {
  type Manifest,
  type ManifestFile,
  manifestName,
  manifestText,
  parseManifest,
} from "./manifest.ts";
import { blockBytes, type Entry, entryOf, headerOf, paddingOf } from "../tar/index.ts";

const nameForm = /^(?:state\.db|ledger\/\d{4}-\d\d-\d\d\.db)$/;
const chunkBytes = 256 << 10;
const maxManifestBytes = 4 << 20;

/** What a backup says of itself. */
export interface BackupOrigin {
  readonly version: string;
  readonly node: string | null;
  readonly createdAtMs: number;
}

/** The bytes of an archive of a folder that has copies of a data directory's files. */
export async function* archiveOf(
  folder: string,
  { version, node, createdAtMs }: BackupOrigin,
): AsyncGenerator<Uint8Array> {
  const files: ManifestFile[] = [];
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const { size: sizeBytes } = await stat(path);
    const hash = createHash("sha256");
    yield headerOf({ name, sizeBytes }, createdAtMs);
    for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
      const bytes: Uint8Array = chunk;
      hash.update(bytes);
      yield bytes;
    }
    yield new Uint8Array(paddingOf(sizeBytes));
    files.push({ name, sizeBytes, sha256: hash.digest("hex") });
  }
  const createdAt = new Date(createdAtMs).toISOString();
  const manifest = Buffer.from(manifestText({ version, node, createdAt, files }));
  yield headerOf({ name: manifestName, sizeBytes: manifest.length }, createdAtMs);
  yield manifest;
  yield new Uint8Array(paddingOf(manifest.length) + 2 * blockBytes);
}

function namesIn(folder: string): string[] {
  const ledger = join(folder, "ledger");
  const days = existsSync(ledger) ? readdirSync(ledger).toSorted() : [];
  return ["state.db", ...days.map((day) => `ledger/${day}`)].filter((name) => nameForm.test(name));
}

/**
 * Unpacks an archive into an empty folder, and compares it with its manifest.
 * @throws MyelinError STORAGE_CORRUPT, UNSUPPORTED_VERSION
 */
export async function unpack(archive: string, folder: string): Promise<Manifest> {
  const file = await open(archive, "r");
  try {
    const found: ManifestFile[] = [];
    let offset = 0;
    for (;;) {
      const entry = entryOf(await readAt(file, offset, blockBytes));
      if (entry === undefined) throw damaged("it has no manifest");
      offset += blockBytes;
      if (entry.name === manifestName) {
        if (entry.sizeBytes > maxManifestBytes) throw damaged("its manifest is too large");
        const text = (await readAt(file, offset, entry.sizeBytes)).toString("utf8");
        const manifest = parseManifest(text);
        compare(manifest, found);
        return manifest;
      }
      found.push(await unpackFile(file, offset, entry, folder));
      offset += entry.sizeBytes + paddingOf(entry.sizeBytes);
    }
  } finally {
    await file.close();
  }
}

async function unpackFile(
  archive: FileHandle,
  offset: number,
  { name, sizeBytes }: Entry,
  folder: string,
): Promise<ManifestFile> {
  if (!nameForm.test(name)) throw damaged(`${JSON.stringify(name)} is no file of a backup`);
  mkdirSync(join(folder, "ledger"), { recursive: true, mode: 0o700 });
  const hash = createHash("sha256");
  const target = await open(join(folder, name), "wx", 0o600);
  try {
    for (let done = 0; done < sizeBytes; ) {
      const chunk = await readAt(archive, offset + done, Math.min(chunkBytes, sizeBytes - done));
      hash.update(chunk);
      await target.writeFile(chunk);
      done += chunk.length;
    }
    await target.sync();
  } finally {
    await target.close();
  }
  return { name, sizeBytes, sha256: hash.digest("hex") };
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead === length) return buffer;
  throw damaged("it is cut short");
}

function compare({ files }: Manifest, found: readonly ManifestFile[]): void {
  const text = (each: readonly ManifestFile[]): string =>
    each.map(({ name, sizeBytes, sha256 }) => `${name} ${sizeBytes} ${sha256}`).join("\n");
  if (text(files) !== text(found)) throw damaged("its files are not those of its manifest");
  if (!files.some(({ name }) => name === "state.db")) throw damaged("it has no state.db");
}

function damaged(why: string): MyelinError {
  return new MyelinError("STORAGE_CORRUPT", `the backup is damaged: ${why}`, {
    hint: "Use another backup; this one was not taken whole, or was changed since.",
  });
}
