/**
 * A few agents that are asked for three times what they can do, in a process of its own, with frames
 * that were built before. It is told for how long by messages, and tells what it has seen.
 *
 * Invariants
 * 1. Every frame has the time at which it was meant to leave, whenever it leaves (open loop); its value is that time.
 * 2. A frame fires one rule and lets go of it again: its second sample, a microsecond later, is 0.
 * 3. Frames of all kinds leave in the order of their times: what is older than the newest of its agent is late for rules.
 */
import process from "node:process";
import { Histogram } from "@myelin/core/statistics";
import type { InstructionMessage } from "@myelin/core/wire";
import { openLoop } from "../floor/pacer.ts";
import { PrebuiltFrame } from "../load/prebuilt-frame.ts";
import { epochUs, RawAgent } from "../load/raw-agent.ts";
import {
  agents,
  arrivals,
  capacityPerSecond,
  type CrowdFigures,
  deadlineUs,
  type Kind,
  kinds,
  serviceUs,
  spread,
} from "./crowd.ts";

const pingEveryUs = 250_000;

class Worker {
  readonly agent: RawAgent;
  readonly #buffer = Buffer.alloc(64 << 10);
  #due: { readonly instruction: InstructionMessage; readonly atUs: number } | undefined;
  #pingedAtUs = 0;

  constructor(url: string, id: string, onInstruction: (instruction: InstructionMessage) => void) {
    this.agent = new RawAgent(url, id, (instruction) => {
      onInstruction(instruction);
      this.#due = { instruction, atUs: epochUs() + serviceUs };
      return "later";
    });
  }

  send(frame: PrebuiltFrame, intendedUs: number): void {
    const end = frame.copyTo(this.#buffer, 0, intendedUs);
    this.agent.socket.write(Buffer.from(this.#buffer.subarray(0, end)));
  }

  /** Answers what is done by now. */
  work(nowUs: number): void {
    if (this.#due !== undefined && this.#due.atUs <= nowUs) {
      const { instruction } = this.#due;
      this.#due = undefined;
      this.agent.answer(instruction);
    }
    if (nowUs - this.#pingedAtUs < pingEveryUs) return;
    this.#pingedAtUs = nowUs;
    void this.agent.ping();
  }
}

/** Frames of one kind, one for each rule, and what became of those sent. */
class Stream {
  readonly kind: Kind;
  readonly #frames: readonly PrebuiltFrame[];
  #latenciesUs = new Histogram();
  #sent = 0;
  #received = 0;

  constructor(kind: Kind, firstId: number) {
    this.kind = kind;
    this.#frames = Array.from(
      { length: kind.rules },
      (_, at) =>
        new PrebuiltFrame((writer, timeUs) => {
          writer.header(timeUs, 0);
          writer.samples({
            names: [],
            baseTimeUs: timeUs,
            metrics: Uint32Array.of(firstId + at, firstId + at),
            values: Float64Array.of(timeUs, 0),
            offsetsUs: [0, 1],
            count: 2,
          });
        }),
    );
  }

  begin(): void {
    this.#latenciesUs = new Histogram();
    this.#sent = 0;
    this.#received = 0;
  }

  /** The frame of the next arrival; each rule serves all agents before the next does. */
  next(): PrebuiltFrame {
    const frame = this.#frames[Math.floor(this.#sent++ / agents) % this.#frames.length];
    if (frame === undefined) throw new RangeError(`${this.kind.name} has no frames`);
    return frame;
  }

  /** The agent whose turn it is. */
  get agent(): number {
    return this.#sent % agents;
  }

  received(latencyUs: number): void {
    this.#received++;
    this.#latenciesUs.record(latencyUs);
  }

  figures(): CrowdFigures["kinds"]["busy"] {
    for (let missed = this.#sent - this.#received; missed > 0; missed--)
      this.#latenciesUs.record(deadlineUs);
    const p99Us = this.#latenciesUs.percentile(99);
    return { sent: this.#sent, received: this.#received, p99Us };
  }
}

const url = process.argv[2] ?? "";
let nextId = 1;
/** Tells the names of all metrics, which hold for the session. */
const names = new PrebuiltFrame((writer, timeUs) =>
  writer.samples({
    names: kinds
      .flatMap(({ name, rules }) => Array.from({ length: rules }, (_, at) => `${name}_${at}`))
      .map((name, at) => ({ id: at + 1, name })),
    baseTimeUs: timeUs,
    metrics: new Uint32Array(0),
    values: new Float64Array(0),
    offsetsUs: undefined,
    count: 0,
  }),
);
const streams = kinds.map((kind) => {
  const stream = new Stream(kind, nextId);
  nextId += kind.rules;
  return stream;
});
const workers = Array.from(
  { length: agents },
  (_, at) =>
    new Worker(url, `worker-${at}`, ({ args }) => {
      const stream = streams.find(({ kind }) => kind.name === args["kind"]);
      const sentAtUs = Number(args["at"]);
      if (sentAtUs >= beganAtUs) stream?.received(epochUs() - sentAtUs);
    }),
);
let beganAtUs = 0;
/** Streams as they follow each other, spread by their shares. */
const order = spread.map((name) => streams.find(({ kind }) => kind.name === name));

async function run(seconds: number): Promise<CrowdFigures> {
  const lateUs = new Histogram();
  for (const stream of streams) stream.begin();
  beganAtUs = epochUs();
  const epochOffsetUs = performance.timeOrigin * 1e3;
  let sent = 0;
  await openLoop({
    ratePerSecond: arrivals * capacityPerSecond,
    durationUs: seconds * 1e6,
    send: (intendedUs) => {
      const intendedEpochUs = Math.round(epochOffsetUs + intendedUs);
      lateUs.record(Math.max(0, epochUs() - intendedEpochUs));
      const stream = order[sent++ % order.length];
      if (stream === undefined) throw new RangeError("no kind is next");
      workers[stream.agent]?.send(stream.next(), intendedEpochUs);
    },
  });
  // By then all has come, or has expired.
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, deadlineUs / 1e3 + 100);
  await promise;
  const of = (name: Kind["name"]): CrowdFigures["kinds"]["busy"] => {
    const stream = streams.find(({ kind }) => kind.name === name);
    if (stream === undefined) throw new RangeError(`${name} is no kind`);
    return stream.figures();
  };
  return {
    kinds: { important: of("important"), busy: of("busy"), chatter: of("chatter") },
    lateP999Us: lateUs.percentile(99.9),
  };
}

process.on("message", ({ seconds }: { readonly seconds: number }) => {
  void run(seconds).then((figures) => process.send?.(figures));
});
process.on("disconnect", () => process.exit(0));
await Promise.all(workers.map(({ agent }) => agent.join("measure")));
for (const worker of workers) worker.send(names, epochUs());
const work = (): void => {
  const nowUs = epochUs();
  for (const worker of workers) worker.work(nowUs);
  setImmediate(work);
};
work();
process.send?.("ready");
