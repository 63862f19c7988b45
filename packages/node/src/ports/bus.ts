/** Answers what is asked under a subject, or takes what is told; what it throws is thrown at the one who asked. */
export type BusHandler = (body: unknown, from: string) => unknown;

/** How a bus fares. */
export interface BusFigures {
  /** Requests that were not answered yet. */
  readonly pending: number;
  /** Messages that were not sent, for the other end was too far behind. */
  readonly dropped: number;
}

/**
 * Where lanes meet: named ends, each of which asks or tells any other.
 *
 * What one end sends to another arrives in the order of sending, requests and messages alike. Bodies are copied
 * as the structured clone does it; what cannot be copied throws a DataCloneError, and nothing is sent.
 */
export interface Bus {
  /** Name of this end. */
  readonly name: string;
  /** Names of the other ends. */
  readonly peers: readonly string[];
  /**
   * Asks another end, and gives its answer.
   * @throws MyelinError what its handler throws; NOT_FOUND when nothing there serves the subject, RESOURCE_EXHAUSTED
   *   when too many requests wait for it, UNAVAILABLE when it has gone or there is none of that name
   */
  request(to: string, subject: string, body: unknown): Promise<unknown>;
  /** Tells another end something. False when it has gone or is too far behind: then it is not sent, and counted. */
  publish(to: string, subject: string, body: unknown): boolean;
  /** Serves a subject; there is one handler for each. What arrives before is answered NOT_FOUND. */
  serve(subject: string, handler: BusHandler): void;
  figures(): BusFigures;
  /** Leaves: the others see this end as gone. */
  close(): void;
}
