import { closeSync, openSync, readSync, readdirSync } from "node:fs";

const bufferBytes = 4096;
/** Files kept open per reader; what is beyond is opened anew for each reading. */
const maxKeptFiles = 512;

/**
 * Reads small files of /proc into one reused buffer. The text of the last reading stays in `buffer`
 * up to `length` until the next.
 */
export class ProcReader {
  readonly buffer: Buffer = Buffer.allocUnsafeSlow(bufferBytes);
  length = 0;
  /** Where the last number read ended. */
  end = 0;
  #keptFiles = 0;

  /** A file to be read again and again; nothing is opened before the first reading. */
  file(path: string): ProcFile {
    return new ProcFile(this, path);
  }

  /** Reads a file once; false when it is gone or not ours to read. */
  readOnce(path: string): boolean {
    const descriptor = this.open(path);
    if (descriptor < 0) return false;
    try {
      return this.readDescriptor(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Reads the unsigned number at `offset`, and leaves the offset behind it in `end`. */
  numberAt(offset: number): number {
    let value = 0;
    let at = offset;
    for (; at < this.length; at++) {
      const digit = (this.buffer[at] ?? 0) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.end = at;
    return value;
  }

  open(path: string): number {
    try {
      return openSync(path, "r");
    } catch {
      return -1;
    }
  }

  readDescriptor(descriptor: number): boolean {
    try {
      this.length = readSync(descriptor, this.buffer, 0, bufferBytes, 0);
      return this.length > 0;
    } catch {
      this.length = 0;
      return false;
    }
  }

  /** Takes one of the bounded places for files that stay open. */
  takePlace(): boolean {
    if (this.#keptFiles >= maxKeptFiles) return false;
    this.#keptFiles++;
    return true;
  }

  returnPlace(): void {
    this.#keptFiles--;
  }
}

/** One file of /proc, kept open while there is room: a reading then costs a third, and a reused pid is never mistaken. */
export class ProcFile {
  readonly #reader: ProcReader;
  readonly #path: string;
  #descriptor = -1;

  constructor(reader: ProcReader, path: string) {
    this.#reader = reader;
    this.#path = path;
  }

  /** Fills the reader's buffer; false when the process is gone or the file is not ours to read. */
  read(): boolean {
    if (this.#descriptor >= 0) return this.#reader.readDescriptor(this.#descriptor);
    if (!this.#reader.takePlace()) return this.#reader.readOnce(this.#path);
    this.#descriptor = this.#reader.open(this.#path);
    if (this.#descriptor >= 0) return this.#reader.readDescriptor(this.#descriptor);
    this.#reader.returnPlace();
    return false;
  }

  close(): void {
    if (this.#descriptor < 0) return;
    closeSync(this.#descriptor);
    this.#descriptor = -1;
    this.#reader.returnPlace();
  }
}

/** The numbers that name entries of a folder of /proc, such as its processes or a process's threads. */
export function numericEntries(path: string): number[] {
  let names: string[];
  try {
    names = readdirSync(path);
  } catch {
    return [];
  }
  const numbers: number[] = [];
  for (const name of names) {
    const first = name.charCodeAt(0);
    if (first >= 49 && first <= 57) numbers.push(Number(name));
  }
  return numbers;
}
