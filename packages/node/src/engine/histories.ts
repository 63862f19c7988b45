/**
 * What rules read of an agent's past, as it is kept for the node's next start: latest values, and the samples and events in
 * windows. Written by difference from what lies in the engine's arrays anyway, so that a sample costs nothing more.
 *
 * Invariants
 * 1. A record is of one slot: whole, or what came since the last one. Of a log whose samples cannot be told by what came
 *    since (something was put between them, or has gone already) all is in it.
 * 2. What a record means is told by the layout that it was written under. A log's number is never used for another one, so
 *    windows that are new since hold nothing of those before.
 * 3. What is taken up is what there was: no rule is evaluated.
 */
import type { AgentId } from "@myelin/core/ids";
import type { AgentTable } from "./agent-table.ts";
import { grownFloat64, grownInt32 } from "./growth.ts";
import { type MetricColumn, type MetricColumns, noPart } from "./metric-columns.ts";
import { partsPerAgent } from "./parts.ts";
import type { HeldLog, LogLayout, Readings } from "./readings.ts";
import { type LogReader, windowForm } from "./windows/index.ts";
import { WordReader, type WordWriter } from "./words.ts";

/** What records were written under. */
export interface HistoryLayout {
  /** A window with more samples was one of buckets. */
  readonly windowSamples: number;
  /** What buckets were kept as; absent in what the first versions wrote. */
  readonly windowForm?: string;
  /** Metrics of which latest values are kept, in the order of their numbers. */
  readonly metrics: readonly string[];
  readonly logs: readonly LogLayout[];
  /** Of the logs to come. */
  readonly nextLogId: number;
}

/** Words of a slot, from one place to before another, with the layout that they were written under. */
export interface HistoryRecord {
  readonly layout: HistoryLayout;
  readonly words: Float64Array;
  readonly at: number;
  readonly end: number;
}

/** What is to be known of the agent when its past is taken up. */
export interface TakingUp {
  /** What was evaluated later than this is not taken up: the node's clock was set back. */
  readonly latestUs: number;
  /** Whether two time lines of a part are of one clock. */
  readonly isSameClock: (line: string, other: string) => boolean;
  /** Told of each time line how far it had been applied. */
  readonly onMark: (line: string, applied: AppliedUntil) => void;
}

/** How far a part's samples and events are applied, on the part's own clock, microseconds; not above 0 where that is not known. */
export interface AppliedUntil {
  readonly samplesUs: number;
  readonly eventsUs: number;
}

/** The same of a time line, whichever part had it. */
export interface LineTime extends AppliedUntil {
  readonly line: string;
}

/** The same of a part of the agent in a slot. */
export type PartTime = (slot: number, part: number) => AppliedUntil;

/** What was last written of one log, by slot. */
class WrittenLog implements LogReader {
  readonly reachUs = 0;
  /** The number of the first sample that was not written; -1: all are to be. */
  #upTo: Float64Array;

  constructor(capacity: number) {
    this.#upTo = new Float64Array(capacity).fill(-1);
  }

  upTo(slot: number): number {
    return this.#upTo[slot] as number;
  }

  written(slot: number, end: number): void {
    this.#upTo[slot] = end;
  }

  beforeTrim(): void {
    // What has gone and was not written is noticed by its number.
  }

  reordered(slot: number, number: number): void {
    if (number < (this.#upTo[slot] as number)) this.#upTo[slot] = -1;
  }

  release(slot: number): void {
    this.#upTo[slot] = -1;
  }

  grow(capacity: number): void {
    this.#upTo = grownFloat64(this.#upTo, capacity, -1);
  }
}

/** A column with the latest values that were written of it. */
interface WrittenColumn {
  readonly column: MetricColumn;
  values: Float64Array;
  timesUs: Float64Array;
}

export class Histories {
  readonly #agents: AgentTable;
  readonly #columns: MetricColumns;
  readonly #readings: Readings;
  readonly #windowSamples: number;
  #revision = -1;
  #isLayoutNew = false;
  #logs: ReadonlyMap<number, HeldLog> = new Map();
  readonly #writtenLogs = new Map<number, WrittenLog>();
  #writtenColumns: readonly WrittenColumn[] = [];
  /** The columns of the layout that was last read. */
  #readLayout: HistoryLayout | undefined;
  #readLayoutColumns: readonly (MetricColumn | undefined)[] = [];
  /** By slot × parts + part, the time line that was last written. */
  readonly #lines: (string | undefined)[] = [];
  /** By slot, the tenancy of which there is a whole record or none, and the inputs of it that are written. */
  #tenancies: Int32Array = new Int32Array(0);
  #inputs: Int32Array = new Int32Array(0);

  constructor(agents: AgentTable, columns: MetricColumns, readings: Readings, bound: number) {
    this.#agents = agents;
    this.#columns = columns;
    this.#readings = readings;
    this.#windowSamples = bound;
  }

  /** Slots that may have something to tell are before this one. */
  get slots(): number {
    return this.#agents.used;
  }

  /** The layout of the records to come, when it is not that of the records so far; asked before records are written. */
  changedLayout(): HistoryLayout | undefined {
    this.#follow();
    if (!this.#isLayoutNew) return undefined;
    this.#isLayoutNew = false;
    return this.layout;
  }

  /** Keeps up with the rules in force. */
  #follow(): void {
    if (this.#revision === this.#readings.revision) return;
    this.#revision = this.#readings.revision;
    this.#isLayoutNew = true;
    this.#logs = new Map(this.#readings.heldLogs.map((held) => [held.id, held]));
    for (const id of this.#writtenLogs.keys())
      if (!this.#logs.has(id)) this.#writtenLogs.delete(id);
    for (const { id, log } of this.#logs.values()) {
      if (this.#writtenLogs.has(id)) continue;
      const written = new WrittenLog(log.capacity);
      log.addReader(written);
      this.#writtenLogs.set(id, written);
    }
    const before = new Map(this.#writtenColumns.map((each) => [each.column, each]));
    const read = this.#columns.all.filter((column) => column.isRead);
    this.#writtenColumns = read.map(
      (column) => before.get(column) ?? { column, values: none, timesUs: none },
    );
    // What agents have told of a metric that no rule has read so far is told once.
    if (read.some((column) => !before.has(column)))
      this.#inputs = this.#agents.inputs.map((count) => count - 1);
  }

  /** What records mean that are written now. */
  get layout(): HistoryLayout {
    return {
      windowSamples: this.#windowSamples,
      windowForm,
      metrics: this.#writtenColumns.map(({ column }) => column.name),
      logs: [...this.#logs.values()].map(({ id, of, name, widthsUs }) => ({
        id,
        of,
        name,
        widthsUs,
      })),
      nextLogId: this.#readings.nextLogId,
    };
  }

  /**
   * Has the windows of the rules that are put in force next be those of an earlier run. Where they mean something else
   * now, it gives what is different instead.
   */
  adopt({
    windowSamples,
    windowForm: form,
    logs,
    nextLogId,
  }: HistoryLayout): "windowForm" | "windowSamples" | undefined {
    const isSameBound = windowSamples === this.#windowSamples;
    const different = isSameBound
      ? form === windowForm
        ? undefined
        : "windowForm"
      : "windowSamples";
    this.#readings.adopt(different === undefined ? logs : [], nextLogId);
    return different;
  }

  /** The agent in a slot; undefined when it is free. */
  agent(slot: number): AgentId | undefined {
    return this.#agents.has(slot) ? this.#agents.idOf(slot) : undefined;
  }

  /** Whether there is a whole record of the agent in a slot. */
  isBegun(slot: number): boolean {
    return this.#tenancies[slot] === this.#agents.generations[slot];
  }

  /**
   * The next slot from one on of which there is something to tell: its agent has left, or is new, or something came to it
   * since its last record. `slots` when there is none.
   */
  nextToTell(from: number): number {
    this.#makeRoom();
    const agents = this.#agents;
    const { inputs, generations } = agents;
    const written = this.#inputs;
    const tenancies = this.#tenancies;
    const slots = agents.used;
    let slot = from;
    for (; slot < slots; slot += 1) {
      const known = tenancies[slot] as number;
      if (known === generations[slot]) {
        if (written[slot] !== inputs[slot]) break;
      } else if (known !== noTenancy || agents.has(slot)) break;
    }
    return Math.min(slot, slots);
  }

  /** The next slot from one on of which there is a whole record, and whose agent is there; `slots` when there is none. */
  nextBegun(from: number): number {
    const slots = this.#agents.used;
    let slot = from;
    while (slot < slots && !(this.isBegun(slot) && this.#agents.has(slot))) slot += 1;
    return Math.min(slot, slots);
  }

  /** True once, when the agent that a slot's records are of has left. */
  hasLeft(slot: number): boolean {
    const known = this.#tenancies[slot] ?? noTenancy;
    if (known === noTenancy || known === this.#agents.generations[slot]) return false;
    this.#tenancies[slot] = noTenancy;
    return true;
  }

  /** True when rules read nothing of any past. */
  get isEmpty(): boolean {
    return this.#writtenColumns.length === 0 && this.#logs.size === 0;
  }

  /** What was written is lost: every record is to be whole once. */
  beginAnew(): void {
    this.#tenancies.fill(noTenancy);
  }

  #makeRoom(): void {
    const { capacity } = this.#agents;
    if (this.#tenancies.length >= capacity) return;
    this.#tenancies = grownInt32(this.#tenancies, capacity, noTenancy);
    this.#inputs = grownInt32(this.#inputs, capacity, 0);
  }

  /**
   * Writes a record of a slot: what came since the last one, or a whole one where it is given the time lines whose parts
   * are not back. False when nothing came that rules read.
   */
  write(
    slot: number,
    into: WordWriter,
    partTime: PartTime,
    awaited: Iterable<LineTime> | undefined,
  ): boolean {
    const agents = this.#agents;
    const isWhole = awaited !== undefined;
    if (isWhole) this.#forgetLines(slot);
    this.#makeRoom();
    this.#tenancies[slot] = agents.generations[slot] as number;
    this.#inputs[slot] = agents.inputs[slot] as number;
    into.number(agents.timesUs[slot] as number);
    into.number(agents.evaluatedUs[slot] as number);
    this.#writeLines(slot, into, partTime, awaited ?? []);
    const columns = this.#writeColumns(slot, isWhole, into);
    const place = into.gap();
    let count = 0;
    for (const held of this.#logs.values())
      if (this.#writeLog(slot, held, isWhole, into)) count += 1;
    into.fill(place, count);
    if (isWhole || columns + count > 0) return true;
    this.#forgetLines(slot);
    return false;
  }

  /** The next record of the slot tells its time lines. */
  #forgetLines(slot: number): void {
    this.#lines.fill(undefined, slot * partsPerAgent, (slot + 1) * partsPerAgent);
  }

  /**
   * Takes up what was kept of the agent in a slot, before its first input: a whole record, and those that came after it.
   * False when it was passed over, since it is from ahead of the clock.
   */
  takeUp(slot: number, records: readonly HistoryRecord[], how: TakingUp): boolean {
    const agents = this.#agents;
    const [last] = records.slice(-1);
    if (last === undefined || !((last.words[last.at] as number) <= how.latestUs)) return false;
    this.#follow();
    const goesOn: boolean[] = [];
    const lines = new Map<number, string>();
    const marks = new Map<string, AppliedUntil>();
    for (const { layout, words, at, end } of records) {
      const from = new WordReader(words, at, end);
      agents.sampledUs[slot] = agents.moveOn(slot, from.number());
      agents.evaluatedUs[slot] = from.number();
      this.#readLines(from, lines, marks);
      for (const [part, line] of lines)
        goesOn[part] = how.isSameClock(line, agents.lineName(slot, part));
      this.#readColumns(slot, layout, goesOn, from);
      this.#readLogs(slot, from);
    }
    this.#fillIn(slot);
    for (const [line, applied] of marks) how.onMark(line, applied);
    return true;
  }

  /** The part's number, its time line where that is not as in the last record, and how far it is applied. */
  #writeLines(
    slot: number,
    into: WordWriter,
    partTime: PartTime,
    awaited: Iterable<LineTime>,
  ): void {
    const agents = this.#agents;
    const place = into.gap();
    let count = 0;
    for (let part = 0; part < partsPerAgent; part += 1) {
      const at = slot * partsPerAgent + part;
      if (agents.newestUs[at] === never && agents.newestEventUs[at] === never) continue;
      const line = agents.lineName(slot, part);
      into.number(part);
      into.text(this.#lines[at] === line ? "" : line);
      const { samplesUs, eventsUs } = partTime(slot, part);
      into.number(samplesUs);
      into.number(eventsUs);
      this.#lines[at] = line;
      count += 1;
    }
    for (const { line, samplesUs, eventsUs } of awaited) {
      into.number(noPart);
      into.text(line);
      into.number(samplesUs);
      into.number(eventsUs);
      count += 1;
    }
    into.fill(place, count);
  }

  #readLines(from: WordReader, lines: Map<number, string>, marks: Map<string, AppliedUntil>): void {
    const count = from.number();
    for (let number = 0; number < count; number += 1) {
      const part = from.number();
      const told = from.text();
      const applied = { samplesUs: from.number(), eventsUs: from.number() };
      const line = told === "" ? (lines.get(part) ?? "") : told;
      if (part !== noPart) lines.set(part, line);
      if (applied.samplesUs > 0 || applied.eventsUs > 0) marks.set(line, applied);
    }
  }

  /** The metric's number, the latest value, its time, and who sent it. */
  #writeColumns(slot: number, isWhole: boolean, into: WordWriter): number {
    const place = into.gap();
    let count = 0;
    for (let number = 0; number < this.#writtenColumns.length; number += 1) {
      const written = this.#writtenColumns[number] as WrittenColumn;
      const { column } = written;
      if (written.values.length < column.capacity) {
        written.values = grownFloat64(written.values, column.capacity, Number.NaN);
        written.timesUs = grownFloat64(written.timesUs, column.capacity, Number.NaN);
      }
      const timeUs = column.timesUs[slot] as number;
      const value = column.values[slot] as number;
      if (timeUs !== timeUs) continue;
      const isSame = timeUs === written.timesUs[slot] && Object.is(value, written.values[slot]);
      if (isSame && !isWhole) continue;
      written.timesUs[slot] = timeUs;
      written.values[slot] = value;
      into.number(number);
      into.number(value);
      into.number(timeUs);
      into.number(column.writers[slot] as number);
      count += 1;
    }
    into.fill(place, count);
    return count;
  }

  #readColumns(
    slot: number,
    layout: HistoryLayout,
    goesOn: readonly boolean[],
    from: WordReader,
  ): void {
    const columns = this.#columnsOf(layout);
    const count = from.number();
    for (let each = 0; each < count; each += 1) {
      const column = columns[from.number()];
      const value = from.number();
      const timeUs = from.number();
      const part = from.number();
      if (column?.isRead !== true) continue;
      if (Number.isNaN(column.timesUs[slot])) this.#agents.series[slot]?.push(column.index);
      column.values[slot] = value;
      column.timesUs[slot] = timeUs;
      column.writers[slot] = goesOn[part] === true ? part : noPart;
    }
  }

  /** The columns of a layout's metrics, by their numbers. */
  #columnsOf(layout: HistoryLayout): readonly (MetricColumn | undefined)[] {
    if (this.#readLayout !== layout) {
      this.#readLayout = layout;
      this.#readLayoutColumns = layout.metrics.map((metric) => this.#columns.get(metric));
    }
    return this.#readLayoutColumns;
  }

  /** The log's number, how many words follow, whether all samples are in them, the samples, and the buckets of windows. */
  #writeLog(slot: number, held: HeldLog, isWhole: boolean, into: WordWriter): boolean {
    const { id, log, windows } = held;
    const written = this.#writtenLogs.get(id) as WrittenLog;
    const end = log.ends[slot] as number;
    const first = log.firsts[slot] as number;
    const upTo = written.upTo(slot);
    if (upTo === end && !isWhole) return false;
    const isAll = isWhole || upTo < first;
    into.number(id);
    const place = into.gap();
    into.number(isAll ? 1 : 0);
    log.save(slot, isAll ? first : upTo, into);
    if (isAll) this.#writeBuckets(slot, windows, into);
    into.fill(place, into.count - place - 1);
    written.written(slot, end);
    return true;
  }

  #writeBuckets(slot: number, windows: HeldLog["windows"], into: WordWriter): void {
    const place = into.gap();
    let count = 0;
    for (const [key, window] of windows) {
      const begin = into.count;
      into.text(key);
      const size = into.gap();
      if (window.saveBuckets(slot, into)) {
        into.fill(size, into.count - size - 1);
        count += 1;
      } else into.cut(begin);
    }
    into.fill(place, count);
  }

  #readLogs(slot: number, from: WordReader): void {
    const count = from.number();
    for (let each = 0; each < count; each += 1) {
      const id = from.number();
      const size = from.number();
      const end = from.at + size;
      const held = this.#logs.get(id);
      if (held !== undefined) this.#readLog(slot, held, from);
      from.at = end;
    }
  }

  #readLog(slot: number, { log, windows }: HeldLog, from: WordReader): void {
    const isAll = from.number() === 1;
    if (isAll) log.release(slot);
    log.load(slot, from);
    if (!isAll) return;
    const count = from.number();
    for (let number = 0; number < count; number += 1) {
      const window = windows.get(from.text());
      const size = from.number();
      const end = from.at + size;
      window?.loadBuckets(slot, from);
      from.at = end;
    }
  }

  /** What follows columns but their logs is to know what they hold now. */
  #fillIn(slot: number): void {
    for (const index of this.#agents.series[slot] ?? []) {
      const column = this.#columns.all[index];
      if (column === undefined) continue;
      const { values, timesUs } = column;
      column.follower?.takeUp(slot, timesUs[slot] as number, values[slot] as number);
    }
  }
}

const noTenancy = -1;
const none = new Float64Array(0);
const never = Number.NEGATIVE_INFINITY;
