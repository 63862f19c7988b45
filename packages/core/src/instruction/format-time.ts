/** Seconds whose texts are kept: those about now, and the deadlines some seconds ahead. */
const keptSeconds = 64;
const seconds = new Float64Array(keptSeconds).fill(Number.NaN);
const texts: string[] = Array.from({ length: keptSeconds }, () => "");

/** Writes microseconds since the Unix epoch as ISO 8601 in UTC with six decimals; fractions of a microsecond are dropped. */
export function formatTime(timeUs: number): string {
  const wholeUs = Math.floor(timeUs);
  const second = Math.floor(wholeUs / 1e6);
  const restUs = wholeUs - second * 1e6;
  return `${secondText(second)}.${String(restUs + 1e6).slice(1)}Z`;
}

/** Date and time of day of a second; every instruction has three of them, in few different seconds. */
function secondText(second: number): string {
  const place = ((second % keptSeconds) + keptSeconds) % keptSeconds;
  if (seconds[place] !== second) {
    texts[place] = new Date(second * 1e3).toISOString().slice(0, -5);
    seconds[place] = second;
  }
  return texts[place] as string;
}
