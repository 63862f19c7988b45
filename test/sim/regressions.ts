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
      "An attempt that the restarted node counted as failed, for the disk had not heard of it, was followed by another though its agent told that it was executed.",
    seed: 519,
    reduction: {
      agents: 5,
      faultsForUs: 8.3e6,
      faults: ["agent-sleep#3", "agent-crash#4", "disk-full#1", "node-crash#1"],
    },
  },
  {
    sentence:
      "The check took an attempt for unfounded whose former one was told to be executed only afterwards (a stalled link, and a ledger that had no room for the first end).",
    seed: 1425,
  },
  {
    sentence:
      "What the ledger had as held back, and the killed node's next run decided again and sent, stayed accounted as held back though its agent told that it was executed.",
    seed: 422,
  },
  {
    sentence:
      "An agent that answered twice was told to forget an outcome that the ledger had no room for, and nobody accounted it.",
    seed: 46,
    reduction: {
      agents: 20,
      faultsForUs: 10.2e6,
      faults: [
        "node-crash-mid-write#1",
        "overtake#1",
        "disk-full#1",
        "cut#4",
        "agent-hang#2",
        "agent-repeat#8",
      ],
    },
  },
  {
    sentence:
      "After a machine's sleep samples were placed a second early for minutes, for the first exchange had taken two, and what better ones told was slewed.",
    seed: 619,
    reduction: {
      agents: 7,
      faultsForUs: 9.2e6,
      faults: ["node-crash#1", "cut#1", "agent-sleep#1"],
    },
  },
  {
    sentence:
      "What a part sent again that was away at the first of two starts was in windows twice, for the second run had not told again how far it had come.",
    seed: 59,
  },
  {
    sentence:
      "What an agent sends while a draining node waited for its journal of windows was confirmed, and in no window after the start.",
    seed: 114,
  },
  {
    sentence:
      "What came again after a start was in windows twice where the node found that it had placed the agent's clock wrong, for a hello had waited for the node.",
    seed: 167,
  },
  {
    sentence:
      "What came again over the second session since a start was in windows twice, for the first had taken what was known of it, and was never welcomed.",
    seed: 569,
  },
];
