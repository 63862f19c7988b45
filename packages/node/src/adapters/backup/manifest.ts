import { MyelinError } from "@myelin/core/errors";
import { isJsonObject } from "@myelin/core/json";

/** Name of the manifest in an archive; it is the last file, so that one cut short has none. */
export const manifestName = "manifest.json";
const formatName = "myelin-backup";

/** What a backup is of, and what is in it. */
export interface Manifest {
  /** Tells a backup from any other archive. */
  readonly format: typeof formatName;
  /** Version of the archive's form; another one is refused. */
  readonly formatVersion: 1;
  /** Version of the Myelin that made it. */
  readonly version: string;
  /** Id of the node; null where it was made from a directory. */
  readonly node: string | null;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Every other file of the archive, in its order. */
  readonly files: readonly ManifestFile[];
}

/** A file with its checksum. */
export interface ManifestFile {
  /** Path within the archive. */
  readonly name: string;
  readonly sizeBytes: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

/** Writes a manifest. */
export function manifestText(about: Omit<Manifest, "format" | "formatVersion">): string {
  const manifest: Manifest = { format: formatName, formatVersion: 1, ...about };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** Reads a manifest. @throws MyelinError STORAGE_CORRUPT | UNSUPPORTED_VERSION */
export function parseManifest(text: string): Manifest {
  const document = parsed(text);
  if (!isJsonObject(document) || document["format"] !== formatName)
    throw new MyelinError("STORAGE_CORRUPT", "the archive's manifest is not that of a backup");
  const { formatVersion, version, node, createdAt, files } = document;
  if (formatVersion !== 1) {
    throw new MyelinError(
      "UNSUPPORTED_VERSION",
      `the backup has the form ${JSON.stringify(formatVersion)}; this Myelin knows form 1`,
      { hint: "Restore it with the version that made it, or a newer one." },
    );
  }
  const isWhole =
    typeof version === "string" &&
    typeof createdAt === "string" &&
    (node === null || typeof node === "string") &&
    Array.isArray(files) &&
    files.every(isFile);
  if (!isWhole) throw new MyelinError("STORAGE_CORRUPT", "the backup's manifest is not whole");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each field was looked at above
  return document as unknown as Manifest;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MyelinError("STORAGE_CORRUPT", "the backup's manifest is damaged", { cause });
  }
}

function isFile(file: unknown): boolean {
  return (
    isJsonObject(file) &&
    typeof file["name"] === "string" &&
    typeof file["sizeBytes"] === "number" &&
    typeof file["sha256"] === "string"
  );
}
