/**
 * A growing figure of one process to which the kernel adds the figure of each child it waits for.
 * Children that were watched while they lived are counted already, so that much of the growth is
 * passed over. A child that nobody waits for leaves its share expected, which can make a later
 * figure too small, never too big.
 */
export class ReapedCounter {
  #value = 0;
  #expected = 0;

  /** Takes a reading; gives what is new and not counted elsewhere. Never negative. */
  advance(value: number): number {
    const growth = value - this.#value;
    if (!(growth > 0)) return 0;
    this.#value = value;
    const passedOver = Math.min(growth, this.#expected);
    this.#expected -= passedOver;
    return growth - passedOver;
  }

  /** A watched child has ended, of which this much is counted already. */
  expect(counted: number): void {
    this.#expected += counted;
  }

  /** What is counted here or below and will show at whoever waits for this process. */
  get covered(): number {
    return this.#value + this.#expected;
  }
}
