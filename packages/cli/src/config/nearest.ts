import { nearest } from "@myelin/core/rules";

/** `; did you mean X?`, or nothing where no candidate is near. */
export function nearestOf(written: string, candidates: Iterable<string>): string {
  const candidate = nearest(written, candidates);
  return candidate === undefined ? "" : `; did you mean ${candidate}?`;
}
