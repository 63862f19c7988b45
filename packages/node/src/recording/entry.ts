import { bareWords, kinds, ownedWords, samplesWords, timeForms } from "./format.ts";

/** Columns shorter than this are copied one by one: a view of them would cost more. */
const fewCells = 24;

/** What a record is, but for its body. */
export interface RecordHead {
  readonly kind: (typeof kinds)[keyof typeof kinds];
  readonly atUs: number;
  /** Number of the agent, or of the metric. */
  readonly of: number;
  readonly part?: number;
}

/** Records being written one behind another, in memory that is used again. The caller sees that there is room. */
export class Entry {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #words: Float64Array;
  readonly #numbers: Uint32Array;
  readonly #signed: Int32Array;
  #count = 0;
  /** Inputs that are in it. */
  inputs = 0;
  /** Inputs that it tells to be missing. */
  missing = 0;

  constructor(words: number) {
    this.#words = new Float64Array(words);
    this.#bytes = new Uint8Array(this.#words.buffer as ArrayBuffer);
    this.#numbers = new Uint32Array(this.#words.buffer);
    this.#signed = new Int32Array(this.#words.buffer);
  }

  /** Words there are in all. */
  get capacity(): number {
    return this.#words.length;
  }

  /** Words for which there is room. */
  get room(): number {
    return this.#words.length - this.#count;
  }

  get sizeBytes(): number {
    return this.#count * 8;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** All there is, until it is cleared. */
  get content(): Uint8Array {
    return this.#bytes.subarray(0, this.sizeBytes);
  }

  clear(): void {
    this.#count = 0;
    this.inputs = 0;
    this.missing = 0;
  }

  /** Writes the samples of one frame, which takes at most {@link wordsOfSamples}. */
  samples(
    of: number,
    part: number,
    count: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
    nowUs: number,
  ): void {
    const words = this.#words;
    const numbers = this.#numbers;
    const from = this.#count;
    const firstUs = timesUs[0] as number;
    words[from + 1] = nowUs;
    numbers[from * 2 + 4] = of;
    numbers[from * 2 + 5] = count;
    words[from + 3] = firstUs;
    const valuesAt = from + samplesWords;
    const metricsAt = (valuesAt + count) * 2;
    if (count < fewCells)
      for (let index = 0; index < count; index += 1) {
        words[valuesAt + index] = values[index] as number;
        numbers[metricsAt + index] = metrics[index] as number;
      }
    else {
      words.set(values.subarray(0, count), valuesAt);
      this.#signed.set(metrics.subarray(0, count), metricsAt);
    }
    const timesAt = valuesAt + count + ((count + 1) >> 1);
    const isOne = timesUs[count - 1] === firstUs;
    const form = isOne ? timeForms.one : this.#times(count, timesUs, timesAt);
    const timeWords = [0, (count + 1) >> 1, count][form] as number;
    this.#count = timesAt + timeWords;
    numbers[from * 2] = kinds.samples | (form << 8) | (part << 16);
    numbers[from * 2 + 1] = this.#count - from;
  }

  /** Writes the times of a frame from a word on; gives their form. */
  #times(count: number, timesUs: Float64Array, at: number): number {
    const numbers = this.#numbers;
    const firstUs = timesUs[0] as number;
    for (let index = 0; index < count; index += 1) {
      const deltaUs = (timesUs[index] as number) - firstUs;
      const whole = deltaUs >>> 0;
      numbers[at * 2 + index] = whole;
      if (whole === deltaUs) continue;
      this.#words.set(timesUs.subarray(0, count), at);
      return timeForms.whole;
    }
    return timeForms.deltas;
  }

  /** Writes what has an instant only. */
  bare(kind: RecordHead["kind"], atUs: number): void {
    const from = this.#count;
    this.#numbers[from * 2] = kind;
    this.#numbers[from * 2 + 1] = bareWords;
    this.#words[from + 1] = atUs;
    this.#count += bareWords;
  }

  /** Writes a text as bytes, and numbers behind it, which takes {@link wordsOfText}. */
  text({ kind, atUs, of, part = 0 }: RecordHead, text: Uint8Array, more: readonly number[]): void {
    const numbers = this.#numbers;
    const from = this.#count;
    const textAt = (from + ownedWords) * 8;
    const { byteLength } = text;
    this.#count += wordsOfText(text, more);
    this.#words.fill(0, from + ownedWords, this.#count);
    this.#bytes.set(text, textAt);
    numbers.set(more, Math.ceil((textAt + byteLength) / 8) * 2);
    numbers[from * 2] = kind | (part << 16);
    numbers[from * 2 + 1] = this.#count - from;
    this.#words[from + 1] = atUs;
    numbers[from * 2 + 4] = of;
    numbers[from * 2 + 5] = byteLength;
  }
}

export function wordsOfSamples(count: number): number {
  return samplesWords + 2 * count + ((count + 1) >> 1);
}

export function wordsOfText(text: Uint8Array, more: readonly number[]): number {
  return ownedWords + Math.ceil(text.byteLength / 8) + Math.ceil(more.length / 2);
}
