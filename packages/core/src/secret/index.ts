import { sha256 } from "@noble/hashes/sha2.js";

export { hidden, Redactor } from "./redact.ts";

const encoder = new TextEncoder();

/** The SHA-256 of a secret, to keep or compare in its stead. */
export function hashSecret(secret: string): Uint8Array {
  return sha256(encoder.encode(secret));
}

/** Compares two hashes in a time that depends on their length only. */
export function isEqualHash(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  a.forEach((byte, at) => {
    difference |= byte ^ (b[at] ?? 0);
  });
  return difference === 0;
}
