/** Runs that once showed a bug, by what was wrong: seeds, changed as the replay command was. */
import type { Reduction } from "./scenario.ts";

/** A run that once showed a bug. */
export interface Regression {
  /** What the bug did. */
  readonly sentence: string;
  readonly seed: number;
  readonly reduction?: Reduction;
}

/** In the order in which they were found. */
export const regressions: readonly Regression[] = [
  {
    sentence:
      "After the node's restart what one part of an agent had kept was placed at the start of an episode that another part, or the node, had begun meanwhile.",
    seed: 83,
  },
  {
    sentence:
      "The check took an attempt for unfounded whose former one was told to be executed only afterwards (a stalled link, and a ledger that had no room for the first end).",
    seed: 1425,
  },
];
