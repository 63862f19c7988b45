import { createReadStream, statSync } from "node:fs";
import process from "node:process";
import { createGunzip } from "node:zlib";
import { MyelinError } from "@myelin/core/errors";
import {
  type Behind,
  csvReader,
  type DataProblem,
  jsonLinesReader,
  type Recorded,
  type TelemetryReader,
} from "@myelin/core/recordings";
import { readRecording, type RecordedData } from "@myelin/node";

/** Data that was named on the command line. */
export interface OpenedData extends RecordedData {
  readonly name: string;
  /** The first things that are wrong with what was read so far, and how many there are in all. */
  readonly problems: readonly DataProblem[];
  readonly problemCount: number;
  /** How much of it stands behind what is newer; undefined where it cannot. */
  readonly behind: Behind | undefined;
  /** Which share of it was read so far; undefined where nobody knows. */
  readonly shareRead: number | undefined;
}

const readers: readonly (readonly [RegExp, () => TelemetryReader])[] = [
  [/\.csv(?:\.gz)?$/i, csvReader],
  [/\.(?:jsonl|ndjson)(?:\.gz)?$/i, jsonLinesReader],
];

/**
 * Opens what `--data` names: a file, by its name's end, a node's data directory, or `-` for JSON lines on standard input.
 * @throws MyelinError INVALID_ARGUMENT
 */
export function openData(name: string): OpenedData {
  if (name === "-") return new TextData(name, jsonLinesReader());
  const makeReader = readers.find(([pattern]) => pattern.test(name))?.[1];
  if (statSync(name, { throwIfNoEntry: false })?.isDirectory() === true) return recordingIn(name);
  if (makeReader === undefined) {
    throw new MyelinError("INVALID_ARGUMENT", `${name} is no recorded telemetry`, {
      hint: "Name a file that ends in .csv, .jsonl or .ndjson, or in one of these and .gz, a node's data directory, or - for standard input.",
    });
  }
  return new TextData(name, makeReader());
}

/** What a node has recorded in its data directory. */
function recordingIn(name: string): OpenedData {
  const unknown = { behind: undefined, shareRead: undefined };
  const read = (): AsyncIterable<readonly Recorded[]> => readRecording(name);
  return { name, read, isOfNode: true, problems: [], problemCount: 0, ...unknown };
}

/** Bytes of a file that are taken at once. */
const pieceBytes = 262_144;

/** Telemetry as text; it is read once. */
class TextData implements OpenedData {
  readonly isOfNode = false;
  readonly name: string;
  readonly #reader: TelemetryReader;
  #readBytes = 0;

  constructor(name: string, reader: TelemetryReader) {
    this.name = name;
    this.#reader = reader;
  }

  get problems(): readonly DataProblem[] {
    return this.#reader.problems;
  }

  get problemCount(): number {
    return this.#reader.problemCount;
  }

  get behind(): Behind {
    return this.#reader.behind;
  }

  get shareRead(): number | undefined {
    if (this.name === "-") return undefined;
    const sizeBytes = statSync(this.name, { throwIfNoEntry: false })?.size ?? 0;
    return sizeBytes === 0 ? undefined : Math.min(1, this.#readBytes / sizeBytes);
  }

  async *read(): AsyncGenerator<readonly Recorded[]> {
    try {
      for await (const bytes of this.#bytes()) yield this.#reader.read(bytes);
    } catch (cause) {
      if (cause instanceof MyelinError) throw cause;
      throw unreadable(this.name, cause);
    }
    yield this.#reader.end();
  }

  async *#bytes(): AsyncGenerator<Uint8Array> {
    if (this.name === "-") return yield* piecesOf(process.stdin);
    const file = createReadStream(this.name, { highWaterMark: pieceBytes });
    file.on("data", (piece) => (this.#readBytes += piece.length));
    if (!this.name.endsWith(".gz")) return yield* piecesOf(file);
    const text = createGunzip({ chunkSize: pieceBytes });
    file.on("error", (error) => text.destroy(error));
    yield* piecesOf(file.pipe(text));
  }
}

async function* piecesOf(stream: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const piece of stream) if (piece instanceof Uint8Array) yield piece;
}

function unreadable(name: string, cause: unknown): MyelinError {
  const what = name === "-" ? "standard input" : name;
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new MyelinError("INVALID_ARGUMENT", `${what} cannot be read${why}`, {
    hint: "Name a file that is there, may be read and is whole.",
    cause,
  });
}
