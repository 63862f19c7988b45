import { sha256 } from "@noble/hashes/sha2.js";
import type { AgentId, InstructionId, RuleName } from "./ids.ts";

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

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const encoder = new TextEncoder();

/** 128 bits as 22 characters of base64url. */
function base64urlOf(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += alphabet.charAt((held >> bits) & 63);
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + alphabet.charAt((held << (6 - bits)) & 63);
}

/**
 * The id of an instruction that a rule caused: the first 128 bits of SHA-256 over the episode and
 * attempt. The same episode has the same id whoever computes it, before and after any crash.
 */
export function instructionIdOf(key: EpisodeKey): InstructionId {
  const text = `${key.rule}\n${key.meaningVersion}\n${key.agent}\n${key.timeLine}\n${key.startedAtUs}\n${key.attempt}`;
  return base64urlOf(sha256(encoder.encode(text)).subarray(0, 16)) as InstructionId;
}
