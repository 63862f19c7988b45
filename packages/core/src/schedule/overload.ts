/*
 * How far a node goes to relieve itself, by how loaded it is.
 *
 * Invariants:
 * 1. One observation moves the level by one step at the most: bulk stops before anything is delayed,
 *    and things are delayed before any is shed.
 * 2. Between the two bounds the level stays as it is.
 */

/** What a node does about its load: 0 nothing, 1 reads no bulk, 2 delays low scores too, 3 sheds too. */
export type OverloadLevel = 0 | 1 | 2 | 3;

/** Where overload begins and where it is over, as shares of what the node can do. */
export interface OverloadBounds {
  /** A load above this is overload. */
  readonly above: number;
  /** A load below this is none any more; at most `above`. */
  readonly below: number;
}

/** The level after one more observation of the load. A load that is no number changes nothing. */
export function nextOverloadLevel(
  level: OverloadLevel,
  load: number,
  { above, below }: OverloadBounds,
): OverloadLevel {
  if (load > above && level < 3) return (level + 1) as OverloadLevel;
  if (load < below && level > 0) return (level - 1) as OverloadLevel;
  return level;
}
