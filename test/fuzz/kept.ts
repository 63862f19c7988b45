/** The kept corpus: frames that once reached code which none before had reached, or that broke something. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type EncodingName, parseEncodingName } from "@myelin/core/wire";
import type { Input } from "./input.ts";

const folder = join(import.meta.dirname, "corpus");

/** The kept inputs, in the order of their names: `ENCODING-first-HASH` before a hello, `ENCODING-next-HASH` in a session. */
export function keptInputs(): readonly Input[] {
  return readdirSync(folder)
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => {
      const [encoding = "", place] = name.split("-");
      const bytes = readFileSync(join(folder, name));
      return {
        encoding: parseEncodingName(encoding),
        bytes,
        isFirst: place === "first",
        made: name,
      };
    });
}

/** Keeps an input; returns its name. */
export function keep({
  encoding,
  bytes,
  isFirst,
}: {
  readonly encoding: EncodingName;
  readonly bytes: Uint8Array;
  readonly isFirst: boolean;
}): string {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const name = `${encoding}-${isFirst ? "first" : "next"}-${hash}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), bytes);
  return name;
}
