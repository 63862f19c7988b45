/*
 * Estimates how far a peer's clock is ahead of ours, from messages that went there and back.
 *
 * An exchange of round-trip time `rtt` tells the offset within rtt/2, however unevenly the two ways
 * share the delay (Mills, RFC 5905, section 8). From its beginning on the clocks drift apart. So of the
 * exchanges kept, the one with the least rtt/2 + drift · age speaks for all.
 *
 * Invariants:
 * 1. While the clocks drift apart by no more than `maxDriftPpm` and none was set, the true offset is within
 *    `uncertaintyUs` of `offsetUs`.
 * 2. A jump of more than `stepUs` beyond what delay and drift explain is a step: what was learned before
 *    it is forgotten, and `steps` counts it.
 */

/** A message and its answer. */
export interface ClockExchange {
  /** Our clock when the message left. */
  readonly sentUs: number;
  /** Peer's clock when it arrived. */
  readonly receivedUs: number;
  /** Peer's clock when the answer left. */
  readonly answeredUs: number;
  /** Our clock when the answer arrived. */
  readonly arrivedUs: number;
}

interface Estimate {
  readonly offsetUs: number;
  readonly rttUs: number;
  /** Our clock when the exchange began, from where on the clocks may have drifted. */
  readonly sinceUs: number;
}

/** How fast two clocks may drift apart: twice what a bad crystal does. */
const maxDriftPpm = 100;
/** Exchanges kept, and for how long. */
const keptExchanges = 16;
const keptUs = 60e6;
/** A jump beyond this is a step. */
const stepUs = 250_000;

/** The offset of one peer's clock against ours. */
export class ClockOffset {
  #exchanges: Estimate[] = [];
  #best: Estimate | undefined;
  #oneWayUs: number | undefined;
  /** The latest word from the peer: what its clock was ahead of ours, less the delay of the way. */
  #latestUs: number | undefined;
  #steps = 0;

  /** True once there was a whole exchange; before, the offset rests on messages in one direction. */
  get hasExchange(): boolean {
    return this.#best !== undefined;
  }

  /** Peer's clock minus ours, microseconds; 0 while nothing is known. */
  get offsetUs(): number {
    return this.#best?.offsetUs ?? this.#oneWayUs ?? 0;
  }

  /** Round-trip time of the exchange that the offset rests on; NaN before the first. */
  get rttUs(): number {
    return this.#best?.rttUs ?? Number.NaN;
  }

  /** How many steps of the peer's clock were seen or told. */
  get steps(): number {
    return this.#steps;
  }

  /** How far `offsetUs` may be wrong at `nowUs` of our clock; Infinity before the first exchange. */
  uncertaintyUs(nowUs: number): number {
    return this.#best === undefined ? Number.POSITIVE_INFINITY : uncertaintyOf(this.#best, nowUs);
  }

  /**
   * Learns from a message in one direction: the peer's clock when it left, ours when it arrived. It
   * counts only until the first exchange, and only where its delay is the least seen.
   */
  observe(peerSentUs: number, arrivedUs: number): void {
    const offsetUs = peerSentUs - arrivedUs;
    if (!Number.isFinite(offsetUs)) return;
    this.#latestUs = offsetUs;
    if (this.#oneWayUs === undefined || offsetUs > this.#oneWayUs) this.#oneWayUs = offsetUs;
  }

  /**
   * Learns from a message and its answer. Impossible ones (the answer before the message) are passed over.
   * @returns true when the peer's clock has stepped, so that its instants belong to a new time line
   */
  addExchange(exchange: ClockExchange): boolean {
    const { sentUs, receivedUs, answeredUs, arrivedUs } = exchange;
    const rttUs = arrivedUs - sentUs - (answeredUs - receivedUs);
    const offsetUs = (receivedUs - sentUs + (answeredUs - arrivedUs)) / 2;
    if (!(rttUs >= 0) || !(answeredUs >= receivedUs) || !Number.isFinite(offsetUs)) return false;
    const estimate: Estimate = { offsetUs, rttUs, sinceUs: sentUs };
    const isStep = this.#isStep(estimate, arrivedUs);
    if (isStep) this.#forget();
    this.#latestUs = answeredUs - arrivedUs;
    this.#keep(estimate, arrivedUs);
    return isStep;
  }

  /**
   * The peer said that its clock was set: all that was learned before its latest message is forgotten.
   * Give that message to `observe` first.
   */
  reset(): void {
    const latestUs = this.#latestUs;
    this.#forget();
    this.#oneWayUs = latestUs;
  }

  #forget(): void {
    this.#exchanges = [];
    this.#best = undefined;
    this.#oneWayUs = undefined;
    this.#steps++;
  }

  #isStep(estimate: Estimate, nowUs: number): boolean {
    const best = this.#best;
    if (best === undefined && this.#oneWayUs === undefined) return false;
    const jumpUs = Math.abs(estimate.offsetUs - this.offsetUs);
    const explainedUs = best === undefined ? 0 : uncertaintyOf(best, nowUs);
    return jumpUs > stepUs + explainedUs + uncertaintyOf(estimate, nowUs);
  }

  #keep(estimate: Estimate, nowUs: number): void {
    const kept = this.#exchanges.filter(({ sinceUs }) => nowUs - sinceUs <= keptUs);
    if (kept.length === keptExchanges) kept.shift();
    kept.push(estimate);
    this.#exchanges = kept;
    let best = estimate;
    for (const other of kept) {
      if (uncertaintyOf(other, nowUs) < uncertaintyOf(best, nowUs)) best = other;
    }
    this.#best = best;
  }
}

function uncertaintyOf(estimate: Estimate, nowUs: number): number {
  const ageUs = Math.max(0, nowUs - estimate.sinceUs);
  return estimate.rttUs / 2 + (ageUs * maxDriftPpm) / 1e6;
}
