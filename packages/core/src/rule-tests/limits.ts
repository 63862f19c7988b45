/** Bounds of a file of tests; what exceeds one is refused by name. */
export const testLimits = {
  /** Length of a file of tests, in UTF-16 code units. */
  testFileLength: 1_048_576,
  /** Most samples that one series says. */
  samplesPerSeries: 100_000,
  /** Most samples of all series of one test. */
  samplesPerTest: 1_000_000,
} as const;
