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
 * 2. Of the exchanges only those are kept that are better than all after them: by how much one is better does not
 *    change with time, so the others would never count. The first of those kept is the best.
 * 3. A jump of more than `stepUs` beyond what delay and drift explain is a step: what was learned before
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

/** Where the numbers of an estimate stand: as an array of numbers it takes a quarter of what an object does. */
const offsetAt = 0;
const rttAt = 1;
/** Our clock when the exchange began, from where on the clocks may have drifted. */
const sinceAt = 2;
/** Which exchange it was, counted from the first. */
const countAt = 3;
const estimateSize = 4;

/** How fast two clocks may drift apart: twice what a bad crystal does. */
const maxDriftPpm = 100;
/** Of so many exchanges the best counts, and for how long. */
const keptExchanges = 16;
const keptUs = 60e6;
/** A jump beyond this is a step. */
const stepUs = 250_000;

/** The offset of one peer's clock against ours. */
export class ClockOffset {
  /** Estimates one after the other, the oldest first. */
  #estimates: number[] = [];
  #count = 0;
  #oneWayUs: number | undefined;
  /** The latest word from the peer: what its clock was ahead of ours, less the delay of the way. */
  #latestUs: number | undefined;
  #steps = 0;

  /** True once there was a whole exchange; before, the offset rests on messages in one direction. */
  get hasExchange(): boolean {
    return this.#estimates.length > 0;
  }

  /** Peer's clock minus ours, microseconds; 0 while nothing is known. */
  get offsetUs(): number {
    return this.#estimates[offsetAt] ?? this.#oneWayUs ?? 0;
  }

  /** Round-trip time of the exchange that the offset rests on; NaN before the first. */
  get rttUs(): number {
    return this.#estimates[rttAt] ?? Number.NaN;
  }

  /** How many steps of the peer's clock were seen or told. */
  get steps(): number {
    return this.#steps;
  }

  /** How far `offsetUs` may be wrong at `nowUs` of our clock; Infinity before the first exchange. */
  uncertaintyUs(nowUs: number): number {
    const { rttUs } = this;
    if (Number.isNaN(rttUs)) return Number.POSITIVE_INFINITY;
    return uncertaintyOf(rttUs, this.#estimates[sinceAt] ?? nowUs, nowUs);
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
    const uncertaintyUs = uncertaintyOf(rttUs, sentUs, arrivedUs);
    const isStep = this.#isStep(offsetUs, uncertaintyUs, arrivedUs);
    if (isStep) this.#forget();
    this.#latestUs = answeredUs - arrivedUs;
    this.#dropWorse(uncertaintyUs, arrivedUs);
    this.#estimates.push(offsetUs, rttUs, sentUs, this.#count++);
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
    this.#estimates.length = 0;
    this.#oneWayUs = undefined;
    this.#steps++;
  }

  #isStep(offsetUs: number, uncertaintyUs: number, nowUs: number): boolean {
    if (!this.hasExchange && this.#oneWayUs === undefined) return false;
    const jumpUs = Math.abs(offsetUs - this.offsetUs);
    const explainedUs = this.hasExchange ? this.uncertaintyUs(nowUs) : 0;
    return jumpUs > stepUs + explainedUs + uncertaintyUs;
  }

  /** Drops what is too old, and what is not better than an exchange of this uncertainty; in place, as it happens often. */
  #dropWorse(uncertaintyUs: number, nowUs: number): void {
    const estimates = this.#estimates;
    const at = (from: number, field: number): number => estimates[from + field] as number;
    let first = 0;
    let end = estimates.length;
    while (
      first < end &&
      (nowUs - at(first, sinceAt) > keptUs || this.#count - at(first, countAt) >= keptExchanges)
    )
      first += estimateSize;
    while (end > first) {
      const last = end - estimateSize;
      if (uncertaintyOf(at(last, rttAt), at(last, sinceAt), nowUs) < uncertaintyUs) break;
      end = last;
    }
    estimates.copyWithin(0, first, end);
    estimates.length = end - first;
  }
}

function uncertaintyOf(rttUs: number, sinceUs: number, nowUs: number): number {
  const ageUs = Math.max(0, nowUs - sinceUs);
  return rttUs / 2 + (ageUs * maxDriftPpm) / 1e6;
}
