/** Steps and their differences are smaller than this, so that a zigzag-coded one is a safe integer. */
const largestStepUs = 2 ** 51;

/** Codes instants as PackedSamples has them: differences of steps, runs of equal steps as their length. */
export class TimeSteps {
  /** The numbers of the last samples coded, up to `length`. */
  numbers: Float64Array = new Float64Array(64);
  length = 0;
  /** What must be said before the steps; undefined when they go on from the last instant. */
  baseTimeUs: number | undefined;
  samplesPerInstant = 0;
  #timeUs = Number.NaN;
  #stepUs = 0;

  /** The next samples do not go on from these. */
  reset(): void {
    this.#timeUs = Number.NaN;
    this.#stepUs = 0;
  }

  /** Codes the samples' times; false when they are not whole microseconds, or too far apart, and nothing was taken. */
  code(timesUs: Float64Array, count: number): boolean {
    const perInstant = samplesPerInstant(timesUs, count);
    if (this.numbers.length < count * 2) this.numbers = new Float64Array(count * 2);
    const firstUs = timesUs[0] as number;
    const goesOn = firstUs >= this.#timeUs && firstUs - this.#timeUs < largestStepUs;
    let timeUs = goesOn ? this.#timeUs : firstUs;
    let stepUs = goesOn ? this.#stepUs : 0;
    const { numbers } = this;
    let length = 0;
    // Where the length of the present run of zeros stands; -1 outside of one.
    let runAt = -1;
    for (let index = 0; index < count; index += perInstant) {
      const nextUs = timesUs[index] as number;
      const nextStepUs = nextUs - timeUs;
      if (!(nextStepUs >= 0 && nextStepUs < largestStepUs && Number.isSafeInteger(nextUs)))
        return false;
      const change = nextStepUs - stepUs;
      if (change !== 0) {
        numbers[length++] = change > 0 ? change * 2 : -change * 2 - 1;
        runAt = -1;
      } else if (runAt >= 0) {
        (numbers[runAt] as number)++;
      } else {
        numbers[length] = 0;
        runAt = length + 1;
        numbers[runAt] = 0;
        length += 2;
      }
      timeUs = nextUs;
      stepUs = nextStepUs;
    }
    this.length = length;
    this.baseTimeUs = goesOn ? undefined : firstUs;
    this.samplesPerInstant = perInstant === 1 ? 0 : perInstant;
    this.#timeUs = timeUs;
    this.#stepUs = stepUs;
    return true;
  }
}

/** How many successive samples share each instant, when all but the last have as many; else 1. */
function samplesPerInstant(timesUs: Float64Array, count: number): number {
  let size = 1;
  while (size < count && timesUs[size] === timesUs[0]) size++;
  if (size === 1) return 1;
  for (let index = size; index < count; index++) {
    const isFirst = index % size === 0;
    if (!isFirst && timesUs[index] !== timesUs[index - 1]) return 1;
  }
  return size;
}
