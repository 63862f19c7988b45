/** What is wrong with recorded telemetry, where, and how to mend it. */
export interface DataProblem {
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 code units. */
  readonly column: number;
  readonly message: string;
  /** The mend. */
  readonly hint?: string;
}

/** Most problems that are told of one text; the rest is counted. */
const maxTold = 20;

/** The problems of one text: the first are kept, all are counted. */
export class DataProblems {
  readonly told: DataProblem[] = [];
  count = 0;

  add(line: number, column: number, message: string, hint?: string): void {
    this.count += 1;
    if (this.told.length < maxTold)
      this.told.push({ line, column, message, ...(hint === undefined ? {} : { hint }) });
  }
}

/** One thing of a line that cannot be read as what it should be. */
export class Fault {
  readonly message: string;
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    this.message = message;
    this.hint = hint;
  }
}
