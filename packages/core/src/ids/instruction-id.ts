import { sha256 } from "@noble/hashes/sha2.js";
import type { AgentId, InstructionId, RuleName } from "./ids.ts";
import { longestText, sha256Words } from "./sha256.ts";

/** What makes an episode of a rule, and one attempt in it, unmistakable. */
export interface EpisodeKey {
  readonly rule: RuleName;
  /** Counts the changes of the rule's meaning (where, expr, for, resolve, missing, keep_firing_for). */
  readonly meaningVersion: number;
  readonly agent: AgentId;
  /** Names the agent's time line in which the episode began. */
  readonly timeLine: string;
  /** Start of the episode, microseconds of event time. */
  readonly startedAtUs: number;
  /** 1 for the first instruction of the episode. */
  readonly attempt: number;
}

const alphabet = Uint8Array.from(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
  (character) => character.charCodeAt(0),
);
const idLength = 22;
/** The characters of the id being made; a string grown by one at a time costs a piece for each. */
const codes: number[] = Array.from({ length: idLength }, () => 0);
const ascii = /^[\0-\x7f]*$/;

/** Names that the fast hash does not take: not ASCII, or very long. */
function wordsOfAnyText(text: string): Int32Array {
  const bytes = sha256(new TextEncoder().encode(text));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Int32Array.from({ length: 8 }, (_, at) => view.getInt32(at * 4));
}

/**
 * The id of an instruction that a rule caused: the first 128 bits of SHA-256 over the episode and
 * attempt, as 22 characters of base64url. The same episode has the same id whoever computes it,
 * before and after any crash.
 */
export function instructionIdOf(key: EpisodeKey): InstructionId {
  const text = `${key.rule}\n${key.meaningVersion}\n${key.agent}\n${key.timeLine}\n${key.startedAtUs}\n${key.attempt}`;
  const isPlain = text.length <= longestText && ascii.test(text);
  const words = isPlain ? sha256Words(text) : wordsOfAnyText(text);
  // Six bits at a time; the last character holds the two that are left.
  for (let at = 0; at < idLength - 1; at++) {
    const bit = at * 6;
    const word = words[bit >> 5] as number;
    const next = words[(bit >> 5) + 1] as number;
    const shift = bit & 31;
    const bits =
      shift <= 26 ? word >>> (26 - shift) : (word << (shift - 26)) | (next >>> (58 - shift));
    codes[at] = alphabet[bits & 63] as number;
  }
  codes[idLength - 1] = alphabet[((words[3] as number) & 3) << 4] as number;
  return String.fromCharCode(...codes) as InstructionId;
}
