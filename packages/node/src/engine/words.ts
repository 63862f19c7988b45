/**
 * What is kept on disk as doubles: numbers as they are, texts behind their length. So state that lies in typed arrays is
 * copied as it lies.
 */

const decoder = new TextDecoder();
const fewWords = 16;

/** Doubles one after another, in an array that grows. */
export class WordWriter {
  #words: Float64Array;
  #bytes: Uint8Array;
  /** How many there are. */
  count = 0;
  readonly #encoder = new TextEncoder();

  constructor(capacity = 1_024) {
    this.#words = new Float64Array(capacity);
    this.#bytes = new Uint8Array(this.#words.buffer);
  }

  number(value: number): void {
    this.#reserve(1);
    this.#words[this.count] = value;
    this.count += 1;
  }

  /** A number that is known later: gives its place. */
  gap(): number {
    this.number(0);
    return this.count - 1;
  }

  fill(place: number, value: number): void {
    this.#words[place] = value;
  }

  text(value: string): void {
    if (value === "") return this.number(0);
    this.#reserve(1 + Math.ceil((value.length * 3) / 8));
    const from = this.count + 1;
    const { written } = this.#encoder.encodeInto(value, this.#bytes.subarray(from * 8));
    this.#words[this.count] = written;
    this.#bytes.fill(0, from * 8 + written, Math.ceil((from * 8 + written) / 8) * 8);
    this.count = from + Math.ceil(written / 8);
  }

  /** A part of an array, as it is. */
  copy(from: Float64Array, begin: number, end: number): void {
    this.#reserve(end - begin);
    this.#words.set(from.subarray(begin, end), this.count);
    this.count += end - begin;
  }

  /** Forgets what came behind a place. */
  cut(count: number): void {
    this.count = count;
  }

  /** A copy of all there is; begins anew. */
  take(): Float64Array<ArrayBuffer> {
    const words = this.#words.slice(0, this.count);
    this.count = 0;
    return words;
  }

  #reserve(more: number): void {
    const needed = this.count + more;
    if (needed <= this.#words.length) return;
    const longer = new Float64Array(Math.max(needed, this.#words.length * 2));
    longer.set(this.#words.subarray(0, this.count));
    this.#words = longer;
    this.#bytes = new Uint8Array(longer.buffer);
  }
}

/** Reads what a {@link WordWriter} wrote, or a part of it, as it lies. What lies behind the end reads as NaN. */
export class WordReader {
  readonly words: Float64Array;
  at: number;
  readonly end: number;

  constructor(words: Float64Array, at: number = 0, end: number = words.length) {
    this.words = words;
    this.at = at;
    this.end = Math.min(end, words.length);
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  number(): number {
    const value = this.at < this.end ? (this.words[this.at] as number) : Number.NaN;
    this.at += 1;
    return value;
  }

  text(): string {
    const length = this.number();
    if (length === 0) return "";
    const { buffer, byteOffset } = this.words;
    const from = this.at * 8;
    if (!(length > 0 && from + length <= this.end * 8)) return "";
    this.at += Math.ceil(length / 8);
    return decoder.decode(new Uint8Array(buffer, byteOffset + from, length));
  }

  /** Copies the next words. */
  copyTo(target: Float64Array, offset: number, count: number): void {
    const end = Math.min(this.at + count, this.end);
    // A view of a few words costs more than they do.
    if (count > fewWords) target.set(this.words.subarray(this.at, end), offset);
    else
      for (let at = this.at; at < end; at += 1)
        target[offset + at - this.at] = this.words[at] as number;
    this.at += count;
  }
}
