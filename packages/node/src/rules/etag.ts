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

/** What a caller makes a change depend on: headers of that name, of which each holds tags in quotes, or `*`. */
export interface Precondition {
  /** Only if the rules are at one of these; with `*` however they are. */
  readonly ifMatch?: string | undefined;
  /** Only if the rules are at none of these; with `*` only while there are none. */
  readonly ifNoneMatch?: string | undefined;
}

/** The rules as a precondition sees them. */
export interface RulesState {
  readonly etag: string;
  /** Rules in force. */
  readonly count: number;
}

/**
 * Holds a change to the state that its caller has seen.
 * @throws MyelinError PRECONDITION_FAILED
 */
export function requireMatch(precondition: Precondition, { etag, count }: RulesState): void {
  const { ifMatch, ifNoneMatch } = precondition;
  if (ifMatch !== undefined && !isAny(ifMatch) && !tagsOf(ifMatch).includes(etag))
    throw failed(`the rules have changed: they are at ${etag}, not ${ifMatch.slice(0, 80)}`, etag);
  if (ifNoneMatch === undefined) return;
  if (isAny(ifNoneMatch) && count > 0)
    throw failed(`there are rules already: ${count}, at ${etag}`, etag);
  if (tagsOf(ifNoneMatch).includes(etag)) throw failed(`the rules are still at ${etag}`, etag);
}

function tagsOf(header: string): readonly string[] {
  return header.split(",").map((tag) => tag.trim());
}

function isAny(header: string): boolean {
  return tagsOf(header).includes("*");
}

function failed(message: string, etag: string): MyelinError {
  return new MyelinError("PRECONDITION_FAILED", message, {
    hint: "Read them again (`myelin rules list --json`, GET /api/v1/rules), look whether the change is still right, and apply it with the new ETag.",
    details: { etag },
  });
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}
