import type { Answer, Call, CommitFigures } from "./protocol.ts";

/** What runs on a worker thread. */
export interface Service {
  /** Does what is asked, in its order. */
  run(calls: readonly Call[]): Answer;
  /** Nothing was asked for a while: does some upkeep; true when there is more of it. */
  idle(): boolean;
  /** An hour has passed. */
  hourly(): void;
}

/** The figures of one that has committed nothing. */
export const noFigures: CommitFigures = {
  commits: 0,
  committedOperations: 0,
  commitTotalUs: 0,
  commitMaxUs: 0,
};
