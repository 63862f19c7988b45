// The few fields of a tar file (POSIX ustar) that a backup needs: plain files with short names.
import { MyelinError } from "@myelin/core/errors";

/** Header and padding come in blocks of this. */
export const blockBytes = 512;
/** What twelve octal digits can say. */
const maxFileBytes = 8 ** 11 - 1;
const encoder = new TextEncoder();

/** A file of the archive. */
export interface Entry {
  /** At most 100 ASCII characters, with forward slashes. */
  readonly name: string;
  readonly sizeBytes: number;
}

/** The block before a file's bytes. @throws MyelinError PAYLOAD_TOO_LARGE for a file of 8 GiB or more */
export function headerOf({ name, sizeBytes }: Entry, modifiedAtMs: number): Uint8Array {
  if (sizeBytes > maxFileBytes)
    throw new MyelinError("PAYLOAD_TOO_LARGE", `${name} is too large for a backup: 8 GiB or more`);
  const block = new Uint8Array(blockBytes);
  const put = (offset: number, text: string): void => block.set(encoder.encode(text), offset);
  put(0, name);
  put(100, octal(0o600, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(sizeBytes, 12));
  put(136, octal(Math.floor(modifiedAtMs / 1000), 12));
  put(148, " ".repeat(8));
  put(156, "0");
  put(257, "ustar\u000000");
  put(148, `${octal(sumOf(block), 7)} `);
  return block;
}

/** The entry that a block begins; undefined for the block that ends an archive. @throws MyelinError STORAGE_CORRUPT */
export function entryOf(block: Uint8Array): Entry | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const text = new TextDecoder("latin1").decode(block);
  const field = (from: number, to: number): string =>
    text
      .slice(from, to)
      .replace(/\0[^]*$/, "")
      .trim();
  const unsummed = Uint8Array.from(block);
  unsummed.fill(32, 148, 156);
  const isSound = Number.parseInt(field(148, 156), 8) === sumOf(unsummed);
  const sizeBytes = Number.parseInt(field(124, 136), 8);
  if (isSound && text[156] === "0" && Number.isSafeInteger(sizeBytes))
    return { name: field(0, 100), sizeBytes };
  throw new MyelinError("STORAGE_CORRUPT", "the file is no backup, or it is damaged");
}

/** How many bytes fill a file's last block. */
export function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}

function sumOf(block: Uint8Array): number {
  return block.reduce((sum, byte) => sum + byte, 0);
}
