/**
 * How fast one agent may send: frames, samples, events and bytes a second, over all its parts and connections.
 *
 * Invariants
 * 1. What an agent has spent is kept with the agent: neither more connections nor new ones bring it more.
 * 2. Each rate is a bucket, kept as the instant at which all that was sent has been earned: a frame costs
 *    four additions and allocates nothing.
 */
import type { Spending } from "../registry/index.ts";
import type { SessionSettings } from "./settings.ts";

/** The rates of an agent, and how often each was exceeded. */
export type RateName = "frames" | "samples" | "events" | "bytes";

/** An agent that has sent nothing. Infinity, not 0: so the fields hold doubles from the start. */
export function nothingSpent(): Spending {
  const framesUs = Number.NEGATIVE_INFINITY;
  return { framesUs, samplesUs: framesUs, eventsUs: framesUs, bytesUs: framesUs };
}

export class AgentRates {
  /** How often agents were told to hold their telemetry, by the rate that they exceeded most. */
  readonly exceeded: Record<RateName, number> = { frames: 0, samples: 0, events: 0, bytes: 0 };
  /** How often a connection was not read, because its agent went on sending. */
  held = 0;
  /** What of each rate may come at once, as the time in which it is earned. */
  readonly burstUs: number;
  readonly #usPerFrame: number;
  readonly #usPerSample: number;
  readonly #usPerEvent: number;
  readonly #usPerByte: number;

  constructor(settings: SessionSettings) {
    this.burstUs = settings.rateBurstUs;
    this.#usPerFrame = 1e6 / settings.maxFramesPerSecond;
    this.#usPerSample = 1e6 / settings.maxSamplesPerSecond;
    this.#usPerEvent = 1e6 / settings.maxEventsPerSecond;
    this.#usPerByte = 1e6 / settings.maxBytesPerSecond;
  }

  /** Counts a frame with what is in it. Gives the time by which the agent is ahead of its rates. */
  spend(
    spending: Spending,
    nowUs: number,
    samples: number,
    events: number,
    sizeBytes: number,
  ): number {
    const framesUs = Math.max(spending.framesUs, nowUs) + this.#usPerFrame;
    const samplesUs = Math.max(spending.samplesUs, nowUs) + samples * this.#usPerSample;
    const eventsUs = Math.max(spending.eventsUs, nowUs) + events * this.#usPerEvent;
    const bytesUs = Math.max(spending.bytesUs, nowUs) + sizeBytes * this.#usPerByte;
    spending.framesUs = framesUs;
    spending.samplesUs = samplesUs;
    spending.eventsUs = eventsUs;
    spending.bytesUs = bytesUs;
    return Math.max(framesUs, samplesUs, eventsUs, bytesUs) - nowUs;
  }

  /** The time by which an agent is ahead of its rates; less than 0 when it has nothing left to earn. */
  aheadUs({ framesUs, samplesUs, eventsUs, bytesUs }: Spending, nowUs: number): number {
    return Math.max(framesUs, samplesUs, eventsUs, bytesUs) - nowUs;
  }

  /** Lets an agent be ahead by a time at the most. */
  forgive(spending: Spending, latestUs: number): void {
    spending.framesUs = Math.min(spending.framesUs, latestUs);
    spending.samplesUs = Math.min(spending.samplesUs, latestUs);
    spending.eventsUs = Math.min(spending.eventsUs, latestUs);
    spending.bytesUs = Math.min(spending.bytesUs, latestUs);
  }

  /** Counts that an agent is told to hold its telemetry. */
  countExceeded({ framesUs, samplesUs, eventsUs, bytesUs }: Spending): void {
    const mostUs = Math.max(framesUs, samplesUs, eventsUs, bytesUs);
    if (mostUs === samplesUs) this.exceeded.samples += 1;
    else if (mostUs === bytesUs) this.exceeded.bytes += 1;
    else if (mostUs === framesUs) this.exceeded.frames += 1;
    else this.exceeded.events += 1;
  }
}
