/**
 * The journal of histories: what rules read of agents' past, kept for the node's next start, written behind.
 *
 * Invariants
 * 1. Every agent is looked at each 40 ms, and what came of it is appended then, in slices with turns of the loop between
 *    them: of a tenth of a millisecond, or so long that twenty of them do what the look before took, but never of a whole
 *    millisecond. While the disk is behind by more than its bound nothing is made, and the windows themselves hold it.
 * 2. What the samples of a record began or ended is on disk before the record is: one that is kept will not come again.
 * 3. An agent's past is taken up before its first input, once; one that is not back when the window for it has passed has
 *    left.
 * 4. The log is bounded: when it has become longer than twice what it took to tell everything, all is told anew, some
 *    agents at a time, and what is before that goes. While pasts of an earlier run wait for their agents it stays.
 * 5. When an append was refused all is told anew, and nothing before it counts.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { AgentId } from "@myelin/core/ids";
import { Histogram } from "@myelin/core/statistics";
import {
  type Engine,
  type HistoryRecord,
  type LineTime,
  type PartTime,
  type TakingUp,
  WordWriter,
} from "../engine/index.ts";
import type { Log } from "../ports/log.ts";
import { clockNameOf } from "../registry/index.ts";
import {
  layoutKinds,
  type LayoutKind,
  readPasts,
  writeLayout,
  writeLeft,
  writeSlot,
} from "./record.ts";

export interface HistoryJournalOptions {
  readonly clock: Clock;
  readonly engine: Pick<
    Engine,
    "futureToleranceUs" | "histories" | "restarted" | "takeUpHistory" | "tenancy"
  >;
  readonly log: Log;
  /** The log is not made anew while it is shorter. */
  readonly leastBytes: number;
  /** How long agents may take to come back after the node's start. */
  readonly windowUs: number;
  readonly partTime: PartTime;
  /** Resolves when what rules have decided so far is on disk; rejects when it was refused. */
  readonly decisionsKept: () => Promise<void>;
  /** Told of what an earlier run has left and could not be taken up. */
  readonly onLost: (message: string) => void;
  /** Told when a write failed. */
  readonly onStoreError: (error: MyelinError) => void;
}

/** Time lines of an agent, and how far they were applied. */
interface Awaited {
  readonly tenancy: number;
  readonly lines: Map<string, LineTime>;
}

/** What is different of windows, where nothing of them can be taken up. */
const meanings = {
  windowSamples: "windows pass to buckets at another number of samples",
  windowForm: "windows are kept in another form than by the version that ran before",
} as const;

const everyUs = 40_000;
const betweenSlicesUs = 1_000;
/** How long a turn of the loop tells, at least and at most, and in how many of them a look is to be done. */
const leastSliceUs = 100;
const mostSliceUs = 800;
const slicesOfLook = 20;
const retryUs = 2_000_000;
/** 64 KiB. */
const entryWords = 1 << 13;
const maxInFlightBytes = 8 << 20;

export class HistoryJournal {
  readonly counters = { appendedBytes: 0, takenUp: 0, refused: 0 };
  /** From when what rules read came, at the earliest, until it was appended, microseconds; for each look that told something. */
  readonly appendUs: Histogram = new Histogram();
  readonly #options: HistoryJournalOptions;
  readonly #writer = new WordWriter(2 * entryWords);
  #pasts = new Map<string, HistoryRecord[]>();
  /** Of agents whose pasts were taken up, the time lines whose parts are not back, by the names of their clocks. */
  readonly #awaited = new Map<AgentId, Awaited>();
  #timer: Timer | undefined;
  #window: Timer | undefined;
  #isStarted = false;
  #isStopped = false;
  /** The slot to look at next; 0: all have been, since then. */
  #next = 0;
  #lookedUs = Number.NEGATIVE_INFINITY;
  /** When the look before began, how long the present one has told so far, and that one did. */
  #sinceUs = Number.NEGATIVE_INFINITY;
  #toldUs = 0;
  #lastToldUs = 0;
  #hasAppended = false;
  /** What the next layout means for what stands before it; undefined when none is due but for changed rules. */
  #layoutDue: LayoutKind | undefined = layoutKinds.run;
  #inFlightBytes = 0;
  #notBeforeUs = Number.NEGATIVE_INFINITY;
  #isWindowOver = false;
  /** The slot that is to be told anew next, while all are; and where what was before can go. */
  #anewFrom: number | undefined;
  #anewSegment = 0;
  #sinceAnewBytes = 0;
  #anewBytes = 0;
  /** Counts the refusals: what was made before the last one is of no use behind it. */
  #refusals = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: HistoryJournalOptions) {
    this.#options = options;
  }

  /** Reads what earlier runs have left; before rules are put in force. */
  async restore(): Promise<void> {
    const { engine, log, onLost } = this.#options;
    const { entries, damage } = await log.read();
    const isTorn = damage !== undefined && entries.length > 0;
    if (damage !== undefined)
      onLost(
        isTorn ? `${damage}: what came last is lost to windows` : `${damage}: windows fill anew`,
      );
    for (const entry of entries) this.#sinceAnewBytes += entry.byteLength;
    const { layout, records } = readPasts(entries);
    if (layout === undefined) return;
    engine.restarted(this.#options.clock.nowUs());
    const different = engine.histories.adopt(layout);
    if (different === undefined) this.#pasts = records;
    else onLost(`${meanings[different]} now, and fill anew`);
  }

  /** Begins to write. */
  start(): void {
    const { clock, windowUs } = this.#options;
    this.#isStarted = true;
    this.#window = clock.schedule(windowUs, () => this.#windowPassed());
    this.#plan(everyUs);
  }

  /** Pasts of an earlier run that wait for their agents. */
  get waiting(): number {
    return this.#pasts.size;
  }

  /** Takes up the past of an agent that is back, and tells up to where the samples of its time lines were applied. */
  takeUp(agent: AgentId, slot: number, onMark: (line: string, partUs: number) => void): void {
    const records = this.#pasts.get(agent);
    if (records === undefined) return;
    this.#pasts.delete(agent);
    const lines = new Map<string, LineTime>();
    this.#awaited.set(agent, { tenancy: this.#options.engine.tenancy(slot), lines });
    this.#takeUp(slot, records, (line, applied) => {
      if (applied.samplesUs > 0) onMark(line, applied.samplesUs);
      lines.set(clockNameOf(line), { line, ...applied });
    });
  }

  /** A part is back: up to where the events of its clock were applied, once; undefined where that is not known. */
  takeEventMark(agent: AgentId, clockName: string): number | undefined {
    const lines = this.#awaited.get(agent)?.lines;
    const eventsUs = lines?.get(clockName)?.eventsUs ?? 0;
    lines?.delete(clockName);
    return eventsUs > 0 ? eventsUs : undefined;
  }

  /** The time lines of an agent whose parts are not back since the node's start. */
  #linesAwaited(agent: AgentId, slot: number): Iterable<LineTime> {
    const awaited = this.#awaited.get(agent);
    if (awaited === undefined) return [];
    if (awaited.tenancy === this.#options.engine.tenancy(slot) && awaited.lines.size > 0)
      return awaited.lines.values();
    this.#awaited.delete(agent);
    return [];
  }

  #takeUp(slot: number, records: readonly HistoryRecord[], onMark: TakingUp["onMark"]): void {
    const { clock, engine } = this.#options;
    const isSameClock: TakingUp["isSameClock"] = (line, other) =>
      clockNameOf(line) === clockNameOf(other);
    const latestUs = clock.nowUs() + engine.futureToleranceUs;
    if (engine.takeUpHistory(slot, records, { latestUs, isSameClock, onMark }))
      this.counters.takenUp += 1;
  }

  /** Appends all there is to tell, and lets go of the log. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#window?.cancel();
    if (this.#isStarted) {
      this.#anewFrom = undefined;
      this.#next = 0;
      this.#look(Number.POSITIVE_INFINITY);
    }
    await this.#last;
    await this.#options.log.close();
  }

  #plan(delayUs: number): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.schedule(delayUs, () => this.#turn());
  }

  #turn(): void {
    const nowUs = this.#options.clock.nowUs();
    if (this.#inFlightBytes > maxInFlightBytes || nowUs < this.#notBeforeUs)
      return this.#plan(everyUs);
    if (this.#next === 0 && nowUs >= this.#lookedUs + everyUs) {
      this.#sinceUs = this.#lookedUs;
      this.#lookedUs = nowUs;
      this.#lookFor(this.#sliceUs);
    } else if (this.#next > 0) this.#lookFor(this.#sliceUs);
    this.#tellAnew();
    const isMore = this.#next > 0 || this.#anewFrom !== undefined;
    const restUs = this.#lookedUs + everyUs - this.#options.clock.nowUs();
    this.#plan(isMore ? betweenSlicesUs : Math.max(betweenSlicesUs, restUs));
  }

  get #sliceUs(): number {
    const wantedUs = Math.max(this.#lastToldUs, this.#toldUs) / slicesOfLook;
    return Math.min(mostSliceUs, Math.max(leastSliceUs, wantedUs));
  }

  /** Goes on with the look for so long, and when it is done notes how long it took. */
  #lookFor(durationUs: number): void {
    const { clock } = this.#options;
    const beganUs = clock.nowUs();
    this.#look(beganUs + durationUs);
    this.#toldUs += clock.nowUs() - beganUs;
    if (this.#next > 0) return;
    this.#lastToldUs = this.#toldUs;
    this.#toldUs = 0;
    if (!this.#hasAppended) return;
    this.#hasAppended = false;
    const sinceUs = this.#sinceUs;
    const refusals = this.#refusals;
    void this.#last.then(() => {
      if (sinceUs > 0 && this.#refusals === refusals) this.appendUs.record(clock.nowUs() - sinceUs);
    });
  }

  /** Tells of slots of which there is something to tell, from where it came to the last time. */
  #look(untilUs: number): void {
    this.#writeLayout();
    const { histories } = this.#options.engine;
    const nextOf = (slot: number): number => histories.nextToTell(slot);
    do {
      if (histories.isEmpty) this.#next = 0;
      else this.#next = this.#tellSome(this.#next, untilUs, nextOf, (slot) => this.#tell(slot));
      if (this.#next === 0 || this.#writer.count >= entryWords) this.#append();
    } while (this.#next > 0 && this.#options.clock.nowUs() < untilUs);
  }

  /** Tells of slots from one on, while there is time and room in an entry; gives the one to go on with, 0 after the last. */
  #tellSome(
    from: number,
    untilUs: number,
    nextOf: (slot: number) => number,
    tell: (slot: number) => void,
  ): number {
    const { clock, engine } = this.#options;
    const { slots } = engine.histories;
    let slot = nextOf(from);
    while (slot < slots) {
      tell(slot);
      slot = nextOf(slot + 1);
      if (this.#writer.count >= entryWords || clock.nowUs() >= untilUs) break;
    }
    return slot < slots ? slot : 0;
  }

  #writeLayout(): void {
    const { histories } = this.#options.engine;
    const changed = histories.changedLayout();
    const kind = this.#layoutDue ?? (changed === undefined ? undefined : layoutKinds.rules);
    if (kind === undefined) return;
    this.#layoutDue = undefined;
    writeLayout(this.#writer, kind, histories.layout);
  }

  #tell(slot: number): void {
    const { histories } = this.#options.engine;
    if (histories.hasLeft(slot)) writeLeft(this.#writer, slot);
    const agent = histories.agent(slot);
    if (agent === undefined) return;
    this.#write(slot, histories.isBegun(slot) ? undefined : agent);
  }

  #write(slot: number, wholeOf: AgentId | undefined): void {
    const { engine, partTime } = this.#options;
    const awaited = wholeOf === undefined ? undefined : this.#linesAwaited(wholeOf, slot);
    writeSlot(this.#writer, slot, wholeOf, () =>
      engine.histories.write(slot, this.#writer, partTime, awaited),
    );
  }

  /** Tells all anew when the log has become long, some at a time. */
  #tellAnew(): void {
    const writer = this.#writer;
    const { clock, engine, leastBytes } = this.#options;
    const { histories } = engine;
    if (histories.isEmpty) this.#anewFrom = undefined;
    if (this.#anewFrom === undefined) {
      const bound = Math.max(leastBytes, 2 * this.#anewBytes);
      if (!this.#isWindowOver || this.#sinceAnewBytes < bound || histories.isEmpty) return;
      this.#append();
      writeLayout(writer, layoutKinds.rules, histories.layout);
      this.#append((segment) => {
        this.#anewSegment = segment;
      });
      this.#anewFrom = 0;
      this.#sinceAnewBytes = 0;
    }
    this.#anewFrom = this.#tellSome(
      this.#anewFrom,
      clock.nowUs() + leastSliceUs,
      (slot) => histories.nextBegun(slot),
      (slot) => this.#write(slot, histories.agent(slot)),
    );
    if (this.#anewFrom > 0) {
      if (writer.count >= entryWords) this.#append();
      return;
    }
    this.#anewFrom = undefined;
    if (writer.count === 0) writeLayout(writer, layoutKinds.rules, histories.layout);
    this.#append(() => {
      this.#anewBytes = this.#sinceAnewBytes;
      void this.#options.log.trim(this.#anewSegment).catch((thrown: unknown) => {
        this.#options.onStoreError(MyelinError.from(thrown));
      });
    });
  }

  /** Appends what is written, if there is something. */
  #append(onAppended: (segment: number) => void = () => undefined): void {
    if (this.#writer.count === 0) return;
    const words = this.#writer.take();
    const entry = new Uint8Array(words.buffer);
    const { log, decisionsKept } = this.#options;
    this.#hasAppended = true;
    this.#inFlightBytes += entry.byteLength;
    this.#sinceAnewBytes += entry.byteLength;
    const kept = decisionsKept();
    const before = this.#last;
    const refusals = this.#refusals;
    this.#last = Promise.all([before, kept])
      .then(async () => {
        if (this.#refusals !== refusals) return;
        onAppended(await log.append(entry));
        this.counters.appendedBytes += entry.byteLength;
      })
      .catch((thrown: unknown) => this.#refused(MyelinError.from(thrown)))
      .finally(() => {
        this.#inFlightBytes -= entry.byteLength;
      });
  }

  #refused(error: MyelinError): void {
    const { clock, engine, onStoreError } = this.#options;
    this.counters.refused += 1;
    this.#refusals += 1;
    this.#writer.cut(0);
    this.#notBeforeUs = clock.nowUs() + retryUs;
    this.#layoutDue = layoutKinds.anew;
    this.#anewFrom = undefined;
    this.#next = 0;
    engine.histories.beginAnew();
    onStoreError(error);
  }

  /** Who is not back by now has left. */
  #windowPassed(): void {
    this.#isWindowOver = true;
    this.#pasts.clear();
    this.#layoutDue ??= layoutKinds.window;
  }
}
