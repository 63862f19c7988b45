import type { Matcher, PatternCache } from "./pattern.ts";
import { FALSE, TRUE, type Tri, UNKNOWN } from "./tri.ts";
import type { Steps, Value } from "./values.ts";

/** Tests of texts; unknown for what is no text. */

export function startsWith(text: Value, part: Value): Tri {
  if (typeof text !== "string" || typeof part !== "string") return UNKNOWN;
  return text.startsWith(part) ? TRUE : FALSE;
}

export function endsWith(text: Value, part: Value): Tri {
  if (typeof text !== "string" || typeof part !== "string") return UNKNOWN;
  return text.endsWith(part) ? TRUE : FALSE;
}

export function containsText(text: Value, part: Value, steps: Steps): Tri {
  if (typeof text !== "string" || typeof part !== "string") return UNKNOWN;
  steps.take(text.length >> 6);
  return text.includes(part) ? TRUE : FALSE;
}

/** The pattern may match anywhere in the text. Patterns cost some 50 times what a search costs. */
export function matches(text: Value, matcher: Matcher, steps: Steps): Tri {
  if (typeof text !== "string") return UNKNOWN;
  steps.take(8 + text.length);
  return matcher(text) ? TRUE : FALSE;
}

/** The same with a pattern that is known at run time only; unknown when it is none, or too costly. */
export function matchesText(text: Value, pattern: Value, cache: PatternCache, steps: Steps): Tri {
  if (typeof pattern !== "string" || typeof text !== "string") return UNKNOWN;
  steps.take(8 + pattern.length);
  const found = cache.of(pattern);
  if (found === undefined) return UNKNOWN;
  steps.take(text.length * found.stepsPerCharacter);
  return found.matches(text) ? TRUE : FALSE;
}
