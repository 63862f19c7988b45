// A log in files, one for each segment, in a folder that only its owner can enter.
//
// Invariants
// 1. An entry stands behind its length and the CRC-32 of both; entries begin at multiples of eight bytes.
// 2. Entries are written one call behind another, each where the last sound one ends: what a failed write left there is
//    cut off, else written over, or cut off at the next start.
// 3. Each run begins a segment of its own. Only the end of the latest segment can be torn; anything else that is not
//    sound is damage, and then all segments go, for what came behind cannot be told without it.
import { mkdir, open, readdir, rm, stat, truncate } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { MyelinError } from "@myelin/core/errors";
import type { Log, LogContent, LogSegment } from "../../ports/log.ts";
import { type LogKind, logFolders } from "./folders.ts";

/** Where a log is, and how long its segments become. */
export interface FileLogOptions {
  readonly directory: string;
  /** 16 MiB by default. */
  readonly segmentBytes?: number;
}

/** Tells the format, and the order of bytes in it. */
const magic = Float64Array.of(7.4e-77);
const headerBytes = magic.byteLength;
const entryHeaderBytes = 8;
const defaultSegmentBytes = 16 << 20;
const extension = ".log";
/** Segments that are read while one is looked through. */
const readAhead = 3;

/** A segment that is being written. */
interface Segment {
  readonly number: number;
  readonly file: FileHandle;
  sizeBytes: number;
}

/** What was read of a segment: its entries, and where the sound part ends, when that is before the end. */
interface Reading {
  readonly entries: readonly Uint8Array[];
  readonly soundBytes: number;
  readonly isTorn: boolean;
  readonly isDamaged: boolean;
}

export class FileLog implements Log {
  readonly #directory: string;
  readonly #segmentBytes: number;
  #segment: Segment | undefined;
  #nextNumber = 1;
  /** Resolves when what was called before is done. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({ directory, segmentBytes = defaultSegmentBytes }: FileLogOptions) {
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
  }

  read(): Promise<LogContent> {
    return this.#inTurn(async () => {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const numbers = await segmentNumbers(this.#directory);
      this.#nextNumber = (numbers.at(-1) ?? 0) + 1;
      const entries: Uint8Array[] = [];
      const paths = numbers.map((number) => this.#path(number));
      const ahead: Promise<Uint8Array>[] = [];
      for (const [index, number] of numbers.entries()) {
        for (const path of paths.slice(index + ahead.length, index + readAhead))
          ahead.push(readFileWhole(path));
        const path = this.#path(number);
        const reading = entriesOf((await ahead.shift()) ?? new Uint8Array(0));
        const isLast = index + 1 === numbers.length;
        const isMissing = index > 0 && numbers[index - 1] !== number - 1;
        if (isMissing || reading.isDamaged || (reading.isTorn && !isLast)) {
          for (const each of numbers) await rm(this.#path(each), { force: true });
          const what = isMissing ? `segment ${number - 1} is missing` : `${path} is damaged`;
          return { entries: [], damage: what };
        }
        for (const entry of reading.entries) entries.push(entry);
        if (!reading.isTorn) continue;
        if (reading.soundBytes === 0) await rm(path, { force: true });
        else await truncate(path, reading.soundBytes);
        return { entries, damage: `the end of ${path} is torn` };
      }
      return { entries, damage: undefined };
    });
  }

  resume(): Promise<readonly LogSegment[]> {
    return this.#inTurn(async () => {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const segments: LogSegment[] = [];
      for (const number of await segmentNumbers(this.#directory))
        segments.push({ number, sizeBytes: (await stat(this.#path(number))).size });
      this.#nextNumber = (segments.at(-1)?.number ?? 0) + 1;
      return segments;
    });
  }

  append(entry: Uint8Array): Promise<number> {
    return this.#inTurn(async () => {
      const segment = await this.#openSegment();
      const header = new Uint32Array(2);
      header[0] = entry.byteLength;
      header[1] = checksum(entry);
      const restBytes = paddedBytes(entry.byteLength) - entry.byteLength;
      const pieces = [header, entry, new Uint8Array(restBytes)];
      const sizeBytes = entryHeaderBytes + paddedBytes(entry.byteLength);
      try {
        await writeWhole(segment.file, pieces, segment.sizeBytes, sizeBytes);
      } catch (thrown) {
        await segment.file.truncate(segment.sizeBytes).catch(() => undefined);
        throw thrown;
      }
      segment.sizeBytes += sizeBytes;
      return segment.number;
    });
  }

  trim(segment: number): Promise<void> {
    return this.#inTurn(async () => {
      for (const number of await segmentNumbers(this.#directory))
        if (number < segment) await rm(this.#path(number), { force: true });
    });
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      const segment = this.#segment;
      this.#segment = undefined;
      await segment?.file.datasync().catch(() => undefined);
      await segment?.file.close();
    });
  }

  /** Does one thing after the other. */
  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#last.then(work).catch((thrown: unknown) => {
      throw storageErrorOf(thrown, this.#directory);
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #openSegment(): Promise<Segment> {
    const present = this.#segment;
    if (present !== undefined && present.sizeBytes < this.#segmentBytes) return present;
    const number = this.#nextNumber;
    const file = await open(this.#path(number), "w", 0o600);
    try {
      await writeWhole(file, [magic], 0, headerBytes);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
    this.#nextNumber += 1;
    this.#segment = { number, file, sizeBytes: headerBytes };
    await present?.file.datasync();
    await present?.file.close();
    return this.#segment;
  }

  #path(number: number): string {
    return segmentPath(this.#directory, number);
  }
}

/** What is damaged of the logs of a data directory, beyond an end that was torn; nothing is changed. */
export async function damageOfLogs(directory: string, kind: LogKind): Promise<readonly string[]> {
  const damaged: string[] = [];
  for (const folder of await logFolders(directory, kind)) {
    const numbers = await segmentNumbers(folder);
    for (const number of numbers) {
      const path = segmentPath(folder, number);
      const { isDamaged, isTorn } = entriesOf(await readBytes(path));
      const mayBeTorn = kind === "recording" || number === numbers.at(-1);
      if (isDamaged || (isTorn && !mayBeTorn)) damaged.push(path);
    }
  }
  return damaged;
}

/** What stands in one segment. */
export interface SegmentContent {
  readonly entries: readonly Uint8Array[];
  /** Its end is torn: that of a run that crashed, or what is being written. */
  readonly isTorn: boolean;
}

/**
 * The segments of a log that may be written meanwhile, oldest first; those that go before the first was read are passed over.
 * @throws MyelinError STORAGE_CORRUPT, STORAGE_UNAVAILABLE
 */
export async function* readSegments(directory: string): AsyncGenerator<SegmentContent> {
  let last: number | undefined;
  try {
    for (const number of await segmentNumbers(directory)) {
      const path = segmentPath(directory, number);
      const bytes = await readBytes(path).catch((thrown: unknown) => {
        if (last === undefined && isMissing(thrown)) return undefined;
        throw thrown;
      });
      if (bytes === undefined) continue;
      const { entries, isTorn, isDamaged } = entriesOf(bytes);
      if (last !== undefined && last !== number - 1)
        throw new MyelinError(
          "STORAGE_CORRUPT",
          `${segmentPath(directory, number - 1)} is missing`,
        );
      if (isDamaged) throw new MyelinError("STORAGE_CORRUPT", `${path} is damaged`);
      last = number;
      yield { entries, isTorn };
    }
  } catch (thrown) {
    throw storageErrorOf(thrown, directory);
  }
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
}

function segmentPath(directory: string, number: number): string {
  return join(directory, `${String(number).padStart(8, "0")}${extension}`);
}

/** Of the segments there are, in order. */
async function segmentNumbers(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  return names
    .filter((name) => name.endsWith(extension))
    .map((name) => Number.parseInt(name, 10))
    .filter(Number.isSafeInteger)
    .toSorted((a, b) => a - b);
}

async function writeWhole(
  file: FileHandle,
  pieces: readonly (Uint8Array | Uint32Array | Float64Array)[],
  position: number,
  sizeBytes: number,
): Promise<void> {
  const { bytesWritten } = await file.writev(pieces, position);
  if (bytesWritten === sizeBytes) return;
  throw new MyelinError("STORAGE_FULL", `only ${bytesWritten} of ${sizeBytes} bytes were written`);
}

/** Of a file; what cannot be read is told to who waits for it, if anybody does. */
function readFileWhole(path: string): Promise<Uint8Array> {
  const bytes = readBytes(path);
  bytes.catch(() => undefined);
  return bytes;
}

async function readBytes(path: string): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const bytes = new Uint8Array(new ArrayBuffer(paddedBytes(size)), 0, size);
    for (let from = 0; from < size; ) {
      const { bytesRead } = await file.read(bytes, from, size - from, from);
      if (bytesRead === 0) break;
      from += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

function entriesOf(bytes: Uint8Array): Reading {
  const size = bytes.byteLength;
  const entries: Uint8Array[] = [];
  if (size < headerBytes) return { entries, soundBytes: 0, isTorn: true, isDamaged: false };
  const isKnown = new Float64Array(bytes.buffer, 0, 1)[0] === magic[0];
  if (!isKnown) return { entries, soundBytes: 0, isTorn: false, isDamaged: true };
  let at = headerBytes;
  while (at < size) {
    const [length, sum] =
      at + entryHeaderBytes <= size ? new Uint32Array(bytes.buffer, at, 2) : [size, 0];
    const from = at + entryHeaderBytes;
    const end = from + paddedBytes(length ?? size);
    if (end > size) return { entries, soundBytes: at, isTorn: true, isDamaged: false };
    const entry = bytes.subarray(from, from + (length ?? 0));
    // What a crash of the machine left of the last write has its length, and not all of its bytes.
    if (checksum(entry) !== sum)
      return { entries, soundBytes: at, isTorn: end === size, isDamaged: end !== size };
    entries.push(entry);
    at = end;
  }
  return { entries, soundBytes: at, isTorn: false, isDamaged: false };
}

/** Of the bytes and how many they are, so that zeros are no entry. */
function checksum(entry: Uint8Array): number {
  return crc32(entry, entry.byteLength + 1);
}

function paddedBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 8) * 8;
}

function storageErrorOf(thrown: unknown, path: string): MyelinError {
  if (thrown instanceof MyelinError) return thrown;
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new MyelinError(isFull ? "STORAGE_FULL" : "STORAGE_UNAVAILABLE", `${path}: ${message}`, {
    details: { path },
    cause: thrown,
  });
}
