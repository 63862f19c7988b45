/** Writes microseconds since the Unix epoch as ISO 8601 in UTC with six decimals; fractions of a microsecond are dropped. */
export function formatTime(timeUs: number): string {
  const wholeUs = Math.floor(timeUs);
  const wholeMs = Math.floor(wholeUs / 1e3);
  const restUs = wholeUs - wholeMs * 1e3;
  return `${new Date(wholeMs).toISOString().slice(0, -1)}${String(restUs).padStart(3, "0")}Z`;
}
