import { DataProblems, type DataProblem } from "./data-problem.ts";
import { type Behind, Frames } from "./frames.ts";
import type { Recorded } from "./recorded.ts";
import { maxLineLength, TextLines } from "./text-lines.ts";

/** What a format does with lines. */
export interface LineFormat {
  line(text: string, number: number): void;
  /** Nothing follows. */
  end(): void;
}

/** What a format tells. */
export interface Telling {
  readonly frames: Frames;
  readonly problems: DataProblems;
}

/**
 * Reads recorded telemetry as text, in pieces of any size. Every line is checked. After the first problem nothing more is
 * told.
 */
export class TelemetryReader {
  readonly #frames = new Frames();
  readonly #problems = new DataProblems();
  readonly #lines: TextLines;
  readonly #format: LineFormat;

  constructor(makeFormat: (telling: Telling) => LineFormat) {
    const problems = this.#problems;
    const format = makeFormat({ frames: this.#frames, problems });
    this.#format = format;
    this.#lines = new TextLines({
      line: (text, number) => format.line(text, number),
      tooLong: (number) => {
        const message = `the line is longer than ${maxLineLength} characters`;
        problems.add(number, 1, message, "is it telemetry, a thing a line?");
      },
      notText: (number) => {
        const hint = "give the data as UTF-8";
        problems.add(number, 1, "the bytes from about here on are no UTF-8", hint);
      },
    });
  }

  /** The first problems. */
  get problems(): readonly DataProblem[] {
    return this.#problems.told;
  }

  /** How many problems there are, those that are not told too. */
  get problemCount(): number {
    return this.#problems.count;
  }

  /** How many lines are older than ones before them. */
  get behind(): Behind {
    return this.#frames.behind;
  }

  /** Takes the next bytes, and gives what they tell; what stands at their last instant comes later. */
  read(bytes: Uint8Array): readonly Recorded[] {
    this.#lines.push(bytes);
    return this.#take(false);
  }

  /** Gives the rest: nothing follows. */
  end(): readonly Recorded[] {
    this.#lines.end();
    this.#format.end();
    return this.#take(true);
  }

  #take(isEnd: boolean): readonly Recorded[] {
    const told = this.#frames.take(isEnd);
    return this.#problems.count === 0 ? told : [];
  }
}
