/** What a log of an earlier run holds. */
export interface LogContent {
  /** Oldest first. */
  readonly entries: readonly Uint8Array[];
  /** What of it could not be read; nothing that is behind it is in the entries. */
  readonly damage: string | undefined;
}

/** A segment that an earlier run has left. */
export interface LogSegment {
  readonly number: number;
  readonly sizeBytes: number;
}

/**
 * Entries one behind another, in segments that go as a whole from the front. An entry that was damaged is never told; with
 * it goes what came behind it, but for an end that was torn, which is all that a crash can do.
 */
export interface Log {
  /** What earlier runs have left; to be called once, before the first `append`. @throws MyelinError STORAGE_UNAVAILABLE */
  read(): Promise<LogContent>;
  /**
   * In place of `read`: what earlier runs have left stays as it is, unread, and what is appended goes behind it. Gives its
   * segments, oldest first. @throws MyelinError STORAGE_UNAVAILABLE
   */
  resume(): Promise<readonly LogSegment[]>;
  /**
   * Appends an entry behind all that it was called with before; resolves to the number of its segment when it outlives the
   * process. Until then its bytes are the log's. One that was refused is not there, and those behind it are tried by themselves.
   * @throws MyelinError STORAGE_FULL | STORAGE_UNAVAILABLE
   */
  append(entry: Uint8Array): Promise<number>;
  /** Segments before this one need not be kept. */
  trim(segment: number): Promise<void>;
  /** Waits for what was appended, and lets go of the disk. */
  close(): Promise<void>;
}
