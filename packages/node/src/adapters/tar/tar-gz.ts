import { gzipSync } from "node:zlib";
import { blockBytes, headerOf, paddingOf } from "./tar.ts";

/** A compressed archive of small files. Names have at most 100 ASCII characters. */
export function tarGz(files: ReadonlyMap<string, string>, modifiedAtMs: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, text] of files) {
    const bytes = Buffer.from(text);
    const sizeBytes = bytes.length;
    parts.push(headerOf({ name, sizeBytes }, modifiedAtMs), bytes);
    parts.push(new Uint8Array(paddingOf(sizeBytes)));
  }
  parts.push(new Uint8Array(2 * blockBytes));
  return gzipSync(Buffer.concat(parts));
}
