/**
 * Loads a node from many agents, in a process of its own, with frames that were built before. It is
 * told what to send and for how long by messages, and tells what it has seen.
 *
 * Invariants
 * 1. Every frame has the time at which it was meant to leave, whenever it leaves (open loop).
 * 2. With `framesPerSecond` 0 it sends as fast as the node handles: of each agent a few writes are on
 *    their way, and not the megabytes that the buffers of the network would take.
 */
import process from "node:process";
import { Histogram } from "@myelin/core/statistics";
import type { FrameWriter } from "@myelin/core/wire";
import { openLoop } from "../floor/pacer.ts";
import { PrebuiltFrame } from "./prebuilt-frame.ts";
import { epochUs, RawAgent } from "./raw-agent.ts";
import type { Load, LoadFigures, Order } from "./load.ts";

const pingEveryMs = 500;
/** How late a frame may be on purpose, so that the generator need not take a core. */
const restUs = 200;
const calm = 0.1;
const hot = 0.95;
/** Frames in one write of a load without a pace, and writes of an agent that the node has not handled yet. */
const framesPerWrite = 64;
const writesOnTheirWay = 3;
/** An answer that has not come by then does not come. */
const answerWithinMs = 10_000;

class Sender {
  readonly agent: RawAgent;
  /** How far ahead of the first agent in what is sent in turn, so that all do not fire at once. */
  readonly #ahead: number;
  readonly #instants: number;
  readonly #buffer: Buffer;
  #sent = 0;
  /** When the next frame's samples are of at the earliest: none is older than one before it. */
  #fromUs = 0;
  /** When samples that fire were meant to leave, oldest first. */
  readonly firedAtUs: number[] = [];

  constructor(load: Load, at: number, frames: Frames, onLatency: (latencyUs: number) => void) {
    this.#ahead = at % load.fireEvery;
    this.#instants = load.instants;
    this.#buffer = Buffer.alloc(frames.maxBytes * framesPerWrite);
    this.agent = new RawAgent(load.url, `${load.name}-${at}`, () => {
      const firedAtUs = this.firedAtUs.shift();
      if (firedAtUs !== undefined) onLatency(epochUs() - firedAtUs);
    });
  }

  get sent(): number {
    return this.#sent;
  }

  /** Sends the next frames, meant for the instant that is given; returns how many of them fire. */
  send(frames: Frames, count: number, intendedUs: number): number {
    const { socket } = this.agent;
    // What the system has not taken yet still needs its buffer.
    const buffer = socket.writableLength === 0 ? this.#buffer : Buffer.alloc(this.#buffer.length);
    let end = 0;
    let fired = 0;
    let timeUs = Math.max(intendedUs, this.#fromUs);
    for (let at = 0; at < count; at++) {
      const isFirst = this.#sent === 0;
      const number = this.#sent++ + this.#ahead;
      const isHot = !isFirst && frames.isHot(number);
      if (isHot) {
        this.firedAtUs.push(intendedUs);
        fired++;
      }
      const frame = isFirst ? frames.first : frames.of(number);
      end = frame.copyTo(buffer, end, timeUs);
      timeUs += this.#instants;
    }
    this.#fromUs = timeUs;
    socket.write(buffer.subarray(0, end));
    return fired;
  }
}

/** The frames that each agent sends in turn: mostly calm, now and then one that fires a rule. */
class Frames {
  readonly #first: PrebuiltFrame;
  readonly #calm: PrebuiltFrame;
  readonly #hot: readonly PrebuiltFrame[];
  readonly #every: number;

  constructor({ metrics, instants, fireEvery, rules }: Load) {
    const build = (hotMetric: number, isFirst: boolean): PrebuiltFrame =>
      new PrebuiltFrame((writer, timeUs) =>
        writeFrame(writer, timeUs, { metrics, instants, hotMetric, isFirst }),
      );
    this.#first = build(-1, true);
    this.#calm = build(-1, false);
    this.#hot = Array.from({ length: Math.min(rules, metrics) }, (_, metric) =>
      build(metric, false),
    );
    this.#every = fireEvery;
  }

  get maxBytes(): number {
    return this.#first.bytes.length;
  }

  /** Declares the metrics, and does not fire. */
  get first(): PrebuiltFrame {
    return this.#first;
  }

  isHot(number: number): boolean {
    return number % this.#every === 0;
  }

  of(number: number): PrebuiltFrame {
    if (!this.isHot(number)) return this.#calm;
    return this.#hot[(number / this.#every) % this.#hot.length] ?? this.#calm;
  }
}

interface FrameShape {
  readonly metrics: number;
  readonly instants: number;
  /** The metric that is hot at the last instant; -1 for none. */
  readonly hotMetric: number;
  readonly isFirst: boolean;
}

function writeFrame(writer: FrameWriter, timeUs: number, shape: FrameShape): void {
  const { metrics, instants, hotMetric, isFirst } = shape;
  const count = metrics * instants;
  const values = new Float64Array(count).fill(calm);
  if (hotMetric >= 0) values[(instants - 1) * metrics + hotMetric] = hot;
  writer.header(timeUs, 0);
  writer.samples({
    names: isFirst
      ? Array.from({ length: metrics }, (_, at) => ({ id: at + 1, name: `m${at}` }))
      : [],
    baseTimeUs: timeUs,
    metrics: Uint32Array.from({ length: count }, (_, at) => (at % metrics) + 1),
    values,
    offsetsUs:
      instants === 1
        ? undefined
        : Array.from({ length: count }, (_, at) => Math.floor(at / metrics)),
    count,
  });
}

class Generator {
  readonly #load: Load;
  readonly #frames: Frames;
  readonly #senders: readonly Sender[];
  #latenciesUs = new Histogram();
  #lateUs = new Histogram();
  #received = 0;
  #fired = 0;

  constructor(load: Load) {
    this.#load = load;
    this.#frames = new Frames(load);
    this.#senders = Array.from(
      { length: load.agents },
      (_, at) =>
        new Sender(load, at, this.#frames, (latencyUs) => {
          this.#received++;
          this.#latenciesUs.record(latencyUs);
        }),
    );
  }

  async join(): Promise<void> {
    // Some at a time: a backlog of connections has its bound.
    for (let from = 0; from < this.#senders.length; from += 100) {
      const some = this.#senders.slice(from, from + 100);
      await Promise.all(some.map(({ agent }) => agent.join("measure")));
    }
    let next = 0;
    setInterval(
      () => void this.#senders[next++ % this.#senders.length]?.agent.ping(),
      pingEveryMs / this.#senders.length,
    );
  }

  async run(seconds: number): Promise<LoadFigures> {
    this.#latenciesUs = new Histogram();
    this.#lateUs = new Histogram();
    this.#received = 0;
    this.#fired = 0;
    const sentBefore = this.#sent;
    if (this.#load.framesPerSecond === 0) await this.#asFastAsRead(seconds);
    else await this.#paced(seconds);
    const sent = this.#sent - sentBefore;
    await this.#answered();
    return {
      frames: sent,
      fired: this.#fired,
      received: this.#received,
      latencyUs: [50, 99, 99.9].map((percentile) => this.#latenciesUs.percentile(percentile)),
      lateP999Us: this.#lateUs.percentile(99.9),
    };
  }

  get #sent(): number {
    return this.#senders.reduce((sum, { sent }) => sum + sent, 0);
  }

  async #paced(seconds: number): Promise<void> {
    const { framesPerSecond } = this.#load;
    // Agents take turns, so that each sends at the same distance.
    let next = 0;
    const epochOffsetUs = performance.timeOrigin * 1e3;
    await openLoop({
      ratePerSecond: framesPerSecond * this.#senders.length,
      durationUs: seconds * 1e6,
      restUs,
      send: (intendedUs) => {
        const intendedEpochUs = Math.round(epochOffsetUs + intendedUs);
        this.#lateUs.record(Math.max(0, epochUs() - intendedEpochUs));
        const sender = this.#senders[next++ % this.#senders.length];
        this.#fired += sender?.send(this.#frames, 1, intendedEpochUs) ?? 0;
      },
    });
  }

  async #asFastAsRead(seconds: number): Promise<void> {
    const untilMs = performance.now() + seconds * 1e3;
    await Promise.all(this.#senders.map((sender) => this.#pump(sender, untilMs)));
  }

  async #pump(sender: Sender, untilMs: number): Promise<void> {
    const handled: Promise<void>[] = [];
    while (performance.now() < untilMs) {
      this.#fired += sender.send(this.#frames, framesPerWrite, epochUs());
      handled.push(sender.agent.ping());
      if (handled.length === writesOnTheirWay) await handled.shift();
    }
    await Promise.all(handled);
  }

  /** Resolves when every sample that fires was answered, or will not be. */
  async #answered(): Promise<void> {
    const untilMs = performance.now() + answerWithinMs;
    while (this.#received < this.#fired && performance.now() < untilMs) {
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, 10);
      await promise;
    }
  }
}

const load = JSON.parse(process.argv[2] ?? "") as Load;
const generator = new Generator(load);
process.on("message", (order: Order) => {
  void generator.run(order.seconds).then((figures) => process.send?.(figures));
});
process.on("disconnect", () => process.exit(0));
await generator.join();
process.send?.("ready");
