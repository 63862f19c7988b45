import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MyelinError } from "@myelin/core/errors";
import type { NewFiles } from "./agent-files.ts";

/**
 * Writes files into a folder, which is made where there is none. Nothing is written when one of them is there.
 * @throws MyelinError ALREADY_EXISTS, STORAGE_UNAVAILABLE
 */
export async function writeNewFiles(folder: string, files: NewFiles): Promise<void> {
  const taken = [...files.keys()].filter((name) => existsSync(join(folder, name)));
  if (taken.length > 0) throw exists(folder, taken);
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, text] of files) await writeFile(join(folder, name), text, { flag: "wx" });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MyelinError("STORAGE_UNAVAILABLE", `${folder} cannot be written: ${reason}`, {
      hint: "Name a folder that may be written.",
      cause,
    });
  }
}

function exists(folder: string, names: readonly string[]): MyelinError {
  return new MyelinError("ALREADY_EXISTS", `${folder} has ${names.join(" and ")} already`, {
    hint: "Name another folder; nothing is overwritten.",
  });
}
