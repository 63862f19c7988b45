// The frozen frames of other minor versions.
import { readFileSync } from "node:fs";

/** Minor versions with frames: an older one, the first release, and one to come. */
export const minors = ["0.0", "0.1", "0.2"] as const;

/** Stands in the frames for the instruction's id; as long as a real one. */
export const placeholderId = "INSTRUCTION-ID-0000000";
/** Stand in the frames for what the node's welcome gave; as long as real ones. */
export const placeholderSession = "SESSION-ID-00000000000";
export const placeholderToken = "RESUME-TOKEN-0000000000000000000";
/** The instant at which all frames begin, on the clocks of both sides. */
export const startUs = 1_795_000_000_000_000;

/** The frames that one side sends, by what they are, in their order. */
export function framesOf(side: "agent" | "node", minor: string): ReadonlyMap<string, Uint8Array> {
  const text = readFileSync(new URL(`corpus/${side}-${minor}.txt`, import.meta.url), "utf8");
  return new Map(
    [...text.matchAll(/^# (.*)\n([0-9a-f]*)$/gm)].map(([, title = "", hex = ""]) => {
      return [title, Uint8Array.from(Buffer.from(hex, "hex"))];
    }),
  );
}

/** The frame with the instruction's real id in the placeholder's place. */
export function withId(frame: Uint8Array | undefined, id: string): Uint8Array {
  return withText(frame, placeholderId, id);
}

/** The frame with a real text of the same length in a placeholder's place. */
export function withText(
  frame: Uint8Array | undefined,
  placeholder: string,
  text: string,
): Uint8Array {
  const bytes = Buffer.from(frame ?? "");
  const place = bytes.indexOf(placeholder);
  if (place < 0 || text.length !== placeholder.length) throw new Error("there is no place for it");
  bytes.write(text, place, "latin1");
  return bytes;
}
