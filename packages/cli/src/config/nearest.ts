import { editDistance } from "@myelin/core/rules";

/** Beyond, what is written is nobody's slip; it is cut, for a comparison takes its length by another's. */
const longest = 64;

/**
 * The candidate that is nearest to what was written: by its letters, by its last part alone (`maxRules`
 * for `limits.maxRules`), by how either begins (`dataDir` for `data`), or by its words (`tls-ca` for
 * `tls.clientCa`). How words are joined is no difference.
 */
export function nearestKey(written: string, candidates: Iterable<string>): string | undefined {
  const words = wordsOf(written.slice(0, longest));
  let best: string | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const cost = Math.min(
      costOf(words, wordsOf(candidate)),
      candidate.includes(".") ? costOf(words, wordsOf(lastPartOf(candidate))) + 0.5 : bestCost,
    );
    if (cost >= bestCost) continue;
    best = candidate;
    bestCost = cost;
  }
  return best;
}

/** How far what is written is from a key, about as letters that differ. */
function costOf(written: readonly string[], key: readonly string[]): number {
  const [text, other] = [written.join(""), key.join("")];
  const differing = editDistance(text, other);
  const beginning =
    text.startsWith(other) || other.startsWith(text)
      ? 1 + Math.abs(text.length - other.length) / 10
      : differing;
  const shared =
    written.every((word) => key.includes(word)) || key.every((word) => written.includes(word))
      ? 1 + Math.abs(written.length - key.length) / 2
      : differing;
  return Math.min(differing, beginning, shared);
}

/** The words of a name, be they joined by capitals or by marks. */
function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "")
    .map((word) => word.toLowerCase());
}

function lastPartOf(key: string): string {
  return key.slice(key.lastIndexOf(".") + 1);
}
