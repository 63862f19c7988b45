import { MyelinError } from "@myelin/core/errors";
import type { Random } from "@myelin/core/random";
import { randomName } from "@myelin/core/random";
import { hashSecret } from "@myelin/core/secret";
import type { Role, TokenRecord } from "../ports/access-records.ts";

/** The roles there are. */
const roles: readonly Role[] = ["agent", "operator", "reader"];

const form = /^myl_([0-9a-z]{8})_[A-Za-z0-9_-]{43}$/;
const idDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
/** What an agent id may have, `*` for any run of it, and commas between patterns. */
const patternForm = /^[A-Za-z0-9._:@~+=*-]{1,128}(?:,[A-Za-z0-9._:@~+=*-]{1,128}){0,31}$/;

/** A new token's text with its id: 258 random bits behind it. */
export function newTokenText(random: Random): { readonly id: string; readonly text: string } {
  let id = "";
  for (const byte of random.bytes(8)) id += idDigits.charAt(byte % idDigits.length);
  return { id, text: `myl_${id}_${randomName(random, 43)}` };
}

/** The id that a token's text bears; undefined for what is no such text. */
export function idOfTokenText(text: string): string | undefined {
  return form.exec(text)?.[1];
}

/** The hash that is kept of a token. */
export function hashOfTokenText(text: string): string {
  return hexOf(hashSecret(text));
}

/** Bytes as hexadecimal digits. */
function hexOf(bytes: Uint8Array): string {
  let digits = "";
  for (const byte of bytes) digits += byte.toString(16).padStart(2, "0");
  return digits;
}

/** @throws MyelinError INVALID_ARGUMENT */
export function parseRole(text: string): Role {
  const role = roles.find((each) => each === text);
  if (role !== undefined) return role;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text.slice(0, 80))} is no role`, {
    hint: `A role is ${roles.join(", ")}.`,
  });
}

/** @throws MyelinError INVALID_ARGUMENT */
export function parseTokenName(text: string): string {
  if (nameForm.test(text)) return text;
  throw new MyelinError(
    "INVALID_ARGUMENT",
    `${JSON.stringify(text.slice(0, 80))} is no name of a token`,
    { hint: "A name is 1 to 64 letters, digits or . _ @ -, beginning with a letter or digit." },
  );
}

/** Reads patterns of agent ids, such as `w-*` or `w-*,robot-7`. @throws MyelinError INVALID_ARGUMENT */
export function parseAgentPattern(text: string): string {
  if (patternForm.test(text)) return text;
  throw new MyelinError(
    "INVALID_ARGUMENT",
    `${JSON.stringify(text.slice(0, 80))} is no pattern of agent ids`,
    { hint: "Write agent ids with * for any characters, parted by commas, such as w-*,robot-7." },
  );
}

/** True when one of the patterns matches the whole id. */
export function matchesAgent(patterns: string, agentId: string): boolean {
  return patterns.split(",").some((pattern) => matchesPattern(pattern, agentId));
}

/** Goes over both once for each `*`: patterns come from outside, so nothing here may backtrack without bound. */
function matchesPattern(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first) || text.length < first.length + last.length) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return text.endsWith(last);
}

/** Why a token admits nobody; undefined while it is valid. */
export function endOfToken(record: TokenRecord, nowUs: number): MyelinError | undefined {
  const hint = "Ask an operator for a new one (myelin token create).";
  if (record.revokedAtUs !== undefined)
    return new MyelinError("UNAUTHENTICATED", `the token ${record.name} was revoked`, { hint });
  if (record.expiresAtUs !== undefined && record.expiresAtUs <= nowUs)
    return new MyelinError("UNAUTHENTICATED", `the token ${record.name} has expired`, { hint });
  return undefined;
}
