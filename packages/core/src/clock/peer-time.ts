/*
 * Places a peer's instants on our clock.
 *
 * Invariants:
 * 1. While the peer's instants do not go back and its clock does not step, the mapped ones do not go back.
 * 2. The mapping follows the estimated offset by at most `slewPpm` of the time that passes; only at the
 *    first use, at the first whole exchange (as far as 1. allows) and after a step does it take the
 *    estimate at once.
 * 3. What the estimate shows to be wrong for certain, by more than `toleratedUs`, is not slewed: at the next use of
 *    the mapping no instant is further from the estimate, to the early side, than that and the estimate's
 *    uncertainty. Where instants are late time goes on at half its speed until they are right.
 * 4. What is added is whole, so that whole instants stay whole.
 */
import type { ClockOffset } from "./clock-offset.ts";

/** How fast the mapping is corrected, millionths of elapsed time. */
const slewPpm = 500;
/** By so much, and the estimate's uncertainty, the mapping may be off for as long as slewing takes. */
const toleratedUs = 20_000;

/** Maps instants of a peer's clock to ours. */
export class PeerTime {
  readonly #offset: ClockOffset;
  /** What is added to the peer's instants; NaN until the first use. */
  #shiftUs = Number.NaN;
  #steps = 0;
  #mappedAtUs = 0;
  /** True once the mapping rests on a whole exchange; one-way estimates err by the whole delay. */
  #isExchanged = false;
  /** The peer's latest instant that was mapped. */
  #latestUs = Number.NEGATIVE_INFINITY;

  /** Follows the estimate of `offset`. */
  constructor(offset: ClockOffset) {
    this.#offset = offset;
  }

  /** Tells the estimate of a message in one direction; see ClockOffset. */
  observe(peerSentUs: number, arrivedUs: number): void {
    this.#offset.observe(peerSentUs, arrivedUs);
  }

  /** The peer said that its clock was set; see ClockOffset. The next mapping takes the new estimate at once. */
  reset(): void {
    this.#offset.reset();
  }

  /** An instant of the peer on our clock, by the mapping as it is. */
  toLocalUs(peerUs: number): number {
    return peerUs + (Number.isNaN(this.#shiftUs) ? -this.#offset.offsetUs : this.#shiftUs);
  }

  /**
   * What to add to a batch of the peer's instants, whole microseconds, from `firstUs` to `lastUs` on its
   * clock. Without these two the mapped time of a batch may overlap the previous one's by what was corrected meanwhile.
   */
  toLocalOffsetUs(nowUs: number, firstUs?: number, lastUs?: number): number {
    const targetUs = -this.#offset.offsetUs;
    if (Number.isNaN(this.#shiftUs) || this.#steps !== this.#offset.steps) {
      this.#steps = this.#offset.steps;
      this.#isExchanged = this.#offset.hasExchange;
      this.#shiftUs = targetUs;
      this.#latestUs = Number.NEGATIVE_INFINITY;
    } else {
      const isFirstExchange = !this.#isExchanged && this.#offset.hasExchange;
      this.#isExchanged ||= isFirstExchange;
      const slewUs = (Math.max(0, nowUs - this.#mappedAtUs) * slewPpm) / 1e6;
      // A whole gap, so that rounding what is added keeps the order.
      const gapUs =
        firstUs === undefined ? slewUs : Math.floor(Math.max(0, firstUs - this.#latestUs));
      const correctionUs = targetUs - this.#shiftUs;
      const boundUs = isFirstExchange
        ? Number.POSITIVE_INFINITY
        : Math.max(slewUs, this.#leapUs(correctionUs, gapUs, nowUs));
      this.#shiftUs += Math.min(boundUs, Math.max(correctionUs, -Math.min(boundUs, gapUs)));
    }
    this.#mappedAtUs = nowUs;
    if (lastUs !== undefined && lastUs > this.#latestUs) this.#latestUs = lastUs;
    // Adding 0 makes 0 of -0.
    return Math.round(this.#shiftUs) + 0;
  }

  /** How much of a correction is not slewed, as a size: what the mapping is certainly off by. */
  #leapUs(correctionUs: number, gapUs: number, nowUs: number): number {
    const offByUs = Math.abs(correctionUs) - toleratedUs;
    if (offByUs <= 0) return 0;
    const leapUs = Math.max(0, offByUs - this.#offset.uncertaintyUs(nowUs));
    return correctionUs > 0 ? leapUs : Math.min(leapUs, Math.floor(gapUs / 2));
  }
}
