/** How one kind of test is found and run. */
export interface Suite {
  readonly name: string;
  readonly globs: readonly string[];
  readonly accepts?: (path: string) => boolean;
  readonly isIsolated: boolean;
  readonly concurrency?: number;
  readonly timeoutMs: number;
  readonly isFull?: boolean;
}

export const root: string;
export const suites: readonly Suite[];
export function filesOf(suite: Suite): string[];
