/**
 * Records what the node tells its engine, written behind.
 *
 * Invariants
 * 1. What is told is recorded in the order of the telling, as it is told: also what the engine finds late.
 * 2. Nothing waits for the disk. At most `maxInFlightBytes` are on the way to it; what comes while there is no room, or the
 *    disk takes nothing, is not recorded but counted, and the chapter that follows says how much of it there was.
 * 3. A chapter can be read without those before: an agent is told anew before its first record in it, or by and by where it
 *    has none.
 * 4. A record whose chapter's head is not on disk is not written: with one entry that was refused go those behind it.
 * 5. What the log takes on disk is bounded: the oldest segments go.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import type { AgentAttributes, PresentEvent } from "@myelin/core/rules";
import type { InstructionEnd } from "../engine/index.ts";
import type { Log } from "../ports/log.ts";
import { Entry, type RecordHead, wordsOfSamples, wordsOfText } from "./entry.ts";
import {
  bareWords,
  type EndBody,
  type EventBody,
  type Head,
  type KnownAgent,
  kinds,
  recordingFormat,
  type TwinBody,
} from "./format.ts";

export interface RecorderOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Names the run of the node: the same in all of its lanes, and no other's. */
  readonly run: number;
  /** Most that the log may take on disk. */
  readonly maxBytes: number;
  /** Told when a write failed. */
  readonly onStoreError: (error: MyelinError) => void;
}

/** An agent that is there. */
interface Present {
  /** No other agent's in this run. */
  readonly number: number;
  attributes: AgentAttributes;
  /** By part. */
  readonly lines: Map<number, string>;
  twin: KnownAgent["twin"];
  /** The chapter that it was told in. */
  chapter: number;
}

const encoder = new TextEncoder();
const everyUs = 40_000;
const retryUs = 2_000_000;
/** 256 KiB. */
const entryWords = 1 << 15;
const maxInFlightBytes = 32 << 20;
/** Of what may be on disk, a chapter. */
const chapterShare = 1 / 16;
/** How many slots are looked at in one turn for agents that are to be told anew, and how many are told. */
const slotsPerTurn = 2_048;
const retoldPerTurn = 64;

export class Recorder {
  /** Inputs recorded, and bytes of them; inputs that were not, and writes that the disk refused. */
  readonly counters = { inputs: 0, bytes: 0, dropped: 0, refused: 0 };
  readonly #options: RecorderOptions;
  readonly #metrics: (string | null)[] = [];
  readonly #agents: (Present | undefined)[] = [];
  #lastNumber = 0;
  #entry = new Entry(entryWords);
  readonly #free: Entry[] = [];
  #inFlightBytes = 0;
  /** While false nothing is recorded. */
  #isOpen = false;
  /** Inputs that were not recorded, and of which no chapter has told yet. */
  #missing = 0;
  #chapter = 0;
  #chapterBytes = 0;
  /** Where those are looked for that are to be told anew in this chapter. */
  #retellFrom = 0;
  /** What the log takes, by segment. */
  readonly #segments = new Map<number, number>();
  #keptBytes = 0;
  #isResumed = false;
  #notBeforeUs = Number.NEGATIVE_INFINITY;
  /** Counts the refusals: what was made before the last one is of no use behind it. */
  #refusals = 0;
  #timer: Timer | undefined;
  #isStopped = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Begins to record; where the disk does not let it, later. */
  async start(): Promise<void> {
    await this.#resume();
    this.#turn();
  }

  /** Appends what there is, and lets go of the log. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    const nowUs = this.#options.clock.nowUs();
    if (!this.#isOpen && this.#missing > 0 && nowUs >= this.#notBeforeUs) this.#open(nowUs);
    this.#flush();
    this.#isOpen = false;
    await this.#last;
    await this.#options.log.close();
  }

  /** Bytes on the way to the disk. */
  get inFlightBytes(): number {
    return this.#inFlightBytes + this.#entry.sizeBytes;
  }

  metric(index: number, name: string): void {
    if (this.#metrics[index] !== undefined && this.#metrics[index] !== null) return;
    while (this.#metrics.length < index) this.#metrics.push(null);
    this.#metrics[index] = name;
    if (!this.#isOpen) return;
    this.#text({ kind: kinds.metric, atUs: this.#options.clock.nowUs(), of: index }, name);
  }

  joined(slot: number, attributes: AgentAttributes, atUs: number): void {
    while (this.#agents.length < slot) this.#agents.push(undefined);
    this.#lastNumber += 1;
    const agent: Present = {
      number: this.#lastNumber,
      attributes,
      lines: new Map(),
      twin: undefined,
      chapter: 0,
    };
    this.#agents[slot] = agent;
    if (this.#isOpen) this.#count(this.#tell(agent, atUs));
    else this.#drop();
  }

  left(slot: number, atUs: number): void {
    const agent = this.#begin(slot, atUs);
    this.#agents[slot] = undefined;
    if (agent !== undefined)
      this.#count(this.#text({ kind: kinds.leave, atUs, of: agent.number }, ""));
  }

  attributes(slot: number, attributes: AgentAttributes, atUs: number): void {
    const agent = this.#begin(slot, atUs);
    const known = this.#agents[slot];
    if (known !== undefined) known.attributes = attributes;
    if (agent !== undefined)
      this.#count(this.#json({ kind: kinds.attributes, atUs, of: agent.number }, attributes));
  }

  line(slot: number, part: number, name: string): void {
    const known = this.#agents[slot];
    if (known === undefined || known.lines.get(part) === name) return;
    const atUs = this.#options.clock.nowUs();
    const agent = this.#begin(slot, atUs);
    known.lines.set(part, name);
    if (agent !== undefined)
      this.#count(this.#text({ kind: kinds.line, atUs, of: agent.number, part }, name));
  }

  /** The samples of one frame, as `Engine.apply` is told them. */
  samples(
    slot: number,
    part: number,
    count: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
    nowUs: number,
  ): void {
    if (count === 0) return;
    const agent = this.#begin(slot, nowUs);
    if (agent === undefined) return;
    if (!this.#reserve(wordsOfSamples(count))) return this.#drop();
    this.#entry.samples(agent.number, part, count, metrics, values, timesUs, nowUs);
    this.#entry.inputs += 1;
  }

  event(slot: number, part: number, event: PresentEvent, timeUs: number, nowUs: number): void {
    const agent = this.#begin(slot, nowUs);
    if (agent === undefined) return;
    const body: EventBody = [timeUs, event.type, event.attrs];
    this.#count(this.#json({ kind: kinds.event, atUs: nowUs, of: agent.number, part }, body));
  }

  /** The agent's state, and which of its fields may have changed; all when undefined. */
  twin(
    slot: number,
    state: JsonObject,
    fields: readonly string[] | undefined,
    part: number,
    timeUs: number,
    nowUs: number,
  ): void {
    const agent = this.#begin(slot, nowUs);
    const known = this.#agents[slot];
    if (known !== undefined) known.twin = { part, timeUs, state };
    if (agent === undefined) return;
    const body: TwinBody = [
      timeUs,
      fields ?? null,
      fields === undefined ? state : some(state, fields),
    ];
    this.#count(this.#json({ kind: kinds.twin, atUs: nowUs, of: agent.number, part }, body));
  }

  ended(slot: number, rule: string, end: InstructionEnd): void {
    const atUs = this.#options.clock.nowUs();
    const agent = this.#begin(slot, atUs);
    if (agent === undefined) return;
    const { attempt, startedAtUs, endedAtUs, succeeded } = end;
    const body: EndBody = [rule, attempt, startedAtUs, endedAtUs, succeeded];
    this.#count(this.#json({ kind: kinds.end, atUs, of: agent.number }, body));
  }

  /** Timers that were due run. */
  timers(nowUs: number): void {
    if (!this.#isOpen || !this.#reserve(bareWords)) return this.#drop();
    this.#entry.bare(kinds.timers, nowUs);
    this.#entry.inputs += 1;
  }

  /** The agent in a slot, once this chapter knows it; undefined when its input cannot be recorded. */
  #begin(slot: number, atUs: number): Present | undefined {
    const agent = this.#agents[slot];
    if (agent === undefined) return undefined;
    const isTold = this.#isOpen && (agent.chapter === this.#chapter || this.#tell(agent, atUs));
    if (isTold) return agent;
    this.#drop();
    return undefined;
  }

  #drop(): void {
    this.#missing += 1;
    this.counters.dropped += 1;
  }

  #count(isWritten: boolean): void {
    if (isWritten) this.#entry.inputs += 1;
    else this.#drop();
  }

  #tell(agent: Present, atUs: number): boolean {
    const { number, attributes, lines, twin } = agent;
    const known: KnownAgent = {
      attributes,
      lines: [...lines],
      ...(twin === undefined ? {} : { twin }),
    };
    const isWritten = this.#json({ kind: kinds.agent, atUs, of: number }, known);
    if (isWritten) agent.chapter = this.#chapter;
    return isWritten;
  }

  #json(head: RecordHead, body: unknown): boolean {
    return this.#text(head, JSON.stringify(body));
  }

  #text(head: RecordHead, text: string, more: readonly number[] = []): boolean {
    const bytes = encoder.encode(text);
    if (!this.#reserve(wordsOfText(bytes, more))) return false;
    this.#entry.text(head, bytes, more);
    return true;
  }

  /** Makes room for a record; where there is none nothing is recorded until there is. */
  #reserve(words: number): boolean {
    if (words <= this.#entry.room) return true;
    const capacity = Math.max(words, entryWords);
    if (this.inFlightBytes + capacity * 8 > maxInFlightBytes) {
      this.#isOpen = false;
      return false;
    }
    this.#flush();
    if (words > this.#entry.room) this.#entry = new Entry(capacity);
    return true;
  }

  async #resume(): Promise<void> {
    try {
      for (const { number, sizeBytes } of await this.#options.log.resume()) {
        this.#segments.set(number, sizeBytes);
        this.#keptBytes += sizeBytes;
      }
      this.#isResumed = true;
      this.#notBeforeUs = Number.NEGATIVE_INFINITY;
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #turn(): void {
    if (this.#isStopped) return;
    const { clock, maxBytes } = this.#options;
    const nowUs = clock.nowUs();
    const isLong = this.#chapterBytes >= maxBytes * chapterShare;
    if (this.#isOpen && isLong) this.#beginChapter(true, nowUs);
    else if (!this.#isOpen && nowUs >= this.#notBeforeUs) this.#open(nowUs);
    if (this.#isOpen) this.#retell(nowUs);
    this.#flush();
    this.#timer = clock.schedule(everyUs, () => this.#turn());
  }

  /** Records again, when there is room. */
  #open(nowUs: number): void {
    if (!this.#isResumed) {
      this.#notBeforeUs = Number.POSITIVE_INFINITY;
      void this.#resume();
    } else if (this.inFlightBytes <= maxInFlightBytes / 2) {
      this.#isOpen = true;
      this.#beginChapter(false, nowUs);
    }
  }

  #beginChapter(isFollowing: boolean, atUs: number): void {
    const { run } = this.#options;
    const missing = this.#missing;
    const metrics = this.#metrics;
    const head: Head = { format: recordingFormat, run, isFollowing, missing, metrics };
    const there = this.#agents.flatMap((agent) => (agent === undefined ? [] : [agent.number]));
    const record = { kind: kinds.head, atUs, of: there.length };
    if (!this.#text(record, JSON.stringify(head), there)) return;
    this.#entry.missing += missing;
    this.#missing = 0;
    this.#chapter += 1;
    this.#chapterBytes = 0;
    this.#retellFrom = 0;
  }

  /** Tells some of the agents that the chapter does not know yet. */
  #retell(nowUs: number): void {
    const end = Math.min(this.#agents.length, this.#retellFrom + slotsPerTurn);
    let told = 0;
    while (this.#retellFrom < end && told < retoldPerTurn) {
      const agent = this.#agents[this.#retellFrom];
      if (agent !== undefined && agent.chapter !== this.#chapter) {
        if (!this.#tell(agent, nowUs)) return;
        told += 1;
      }
      this.#retellFrom += 1;
    }
  }

  /** Hands what was written to the log, and goes on with another entry. */
  #flush(): void {
    const entry = this.#entry;
    if (entry.isEmpty) return;
    this.#entry = this.#free.pop() ?? new Entry(entryWords);
    this.#inFlightBytes += entry.sizeBytes;
    this.#chapterBytes += entry.sizeBytes;
    const refusals = this.#refusals;
    this.#last = this.#last
      .then(async () => {
        if (this.#refusals === refusals) await this.#append(entry);
        else this.#lost(entry);
      })
      .catch((thrown: unknown) => this.#refused(entry, thrown))
      .finally(() => {
        this.#inFlightBytes -= entry.sizeBytes;
        entry.clear();
        if (entry.capacity === entryWords) this.#free.push(entry);
      });
  }

  async #append(entry: Entry): Promise<void> {
    const { log } = this.#options;
    const { sizeBytes, inputs } = entry;
    const segment = await log.append(entry.content);
    this.counters.bytes += sizeBytes;
    this.counters.inputs += inputs;
    this.#segments.set(segment, (this.#segments.get(segment) ?? 0) + sizeBytes);
    this.#keptBytes += sizeBytes;
    this.#trim();
  }

  /** Lets the oldest segments go while there is too much. */
  #trim(): void {
    const { log, maxBytes, onStoreError } = this.#options;
    let isTooMuch = false;
    for (const [segment, sizeBytes] of this.#segments) {
      if (this.#keptBytes + this.inFlightBytes <= maxBytes || this.#segments.size === 1) {
        if (isTooMuch)
          void log.trim(segment).catch((thrown: unknown) => onStoreError(MyelinError.from(thrown)));
        return;
      }
      isTooMuch = true;
      this.#segments.delete(segment);
      this.#keptBytes -= sizeBytes;
    }
  }

  #refused(entry: Entry, thrown: unknown): void {
    this.#refusals += 1;
    this.#lost(entry);
    this.#lost(this.#entry);
    this.#entry.clear();
    this.#isOpen = false;
    this.#failed(thrown);
  }

  /** What was to be recorded is not. */
  #lost({ inputs, missing }: Entry): void {
    this.counters.dropped += inputs;
    this.#missing += inputs + missing;
  }

  #failed(thrown: unknown): void {
    const { clock, onStoreError } = this.#options;
    this.counters.refused += 1;
    this.#notBeforeUs = clock.nowUs() + retryUs;
    onStoreError(MyelinError.from(thrown));
  }
}

function some(state: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(
    fields.flatMap((name) => (Object.hasOwn(state, name) ? [[name, state[name] ?? null]] : [])),
  );
}
