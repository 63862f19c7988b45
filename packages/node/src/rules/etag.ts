import { MyelinError } from "@myelin/core/errors";

/** A version that the tag of a set of rules stands for. */
export interface TaggedVersion {
  readonly name: string;
  readonly version: number;
  readonly createdAtUs: number;
}

/**
 * The entity tag of all rules as they are: it changes with every change of any of them, and is the
 * same after a restart. In it the number of versions, and a sum over their names and times (FNV-1a).
 */
export function etagOf(versions: Iterable<TaggedVersion>): string {
  let count = 0;
  let sum = 0;
  for (const { name, version, createdAtUs } of versions) {
    count += version;
    // Added up, so that the order of the rules does not matter.
    sum = (sum + hash(`${name}@${version}@${createdAtUs}`)) >>> 0;
  }
  return `"${count}-${sum.toString(16).padStart(8, "0")}"`;
}

/**
 * Holds a change to the state that its caller has seen.
 * @param ifMatch The header `If-Match`: tags in quotes, or `*`.
 * @throws MyelinError PRECONDITION_FAILED
 */
export function requireMatch(ifMatch: string | undefined, etag: string): void {
  if (ifMatch === undefined) return;
  const tags = ifMatch.split(",").map((tag) => tag.trim());
  if (tags.includes("*") || tags.includes(etag)) return;
  throw new MyelinError(
    "PRECONDITION_FAILED",
    `the rules have changed: they are at ${etag}, not ${ifMatch.slice(0, 80)}`,
    {
      hint: "Read them again (`myelin rules list --json`, GET /api/v1/rules), look whether the change is still right, and apply it with the new ETag.",
      details: { etag },
    },
  );
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}
