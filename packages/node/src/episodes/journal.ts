/**
 * The journal of episodes: what a node that was killed must know when it starts again, so that no episode acts twice.
 *
 * An agent tells in its hello of the instructions that it was not told to forget, with their episodes. The journal
 * keeps the others.
 *
 * Invariants
 * 1. For each agent and rule it keeps the latest episode of which an instruction was sent or has ended, and what is
 *    pending until its episode acts. An agent may forget an outcome only once that is on disk (`keep`).
 * 2. Nothing but that waits for it: rows are written behind, one for all that changed of it since the last write.
 *    What the disk refuses is told, and tried again until there is something newer. What is pending is asked for when
 *    rows are about to be written: what came and went in between is not written.
 * 3. What is over is kept until its cooldown has passed, and for as long as its agent may send samples of it again.
 * 4. Rows of an earlier run wait for their agents. An agent that is not back when the window for it has
 *    passed has left: its episodes are over.
 * 5. A row tells up to where the agent's samples were applied when it was written, which is not before its state.
 * 6. At most `maxEpisodes` are kept; one beyond is counted, and its agent not told to forget. What is only pending gives
 *    way to what has acted.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import type { MyelinError } from "@myelin/core/errors";
import type { AgentId, EpisodeKey, RuleName } from "@myelin/core/ids";
import { mayTryAgain } from "@myelin/core/instruction";
import type { PendingChange } from "../engine/index.ts";
import type { Instruction, InstructionEpisode } from "../instruction/index.ts";
import type { EpisodeRecord, PendingRecord, Store } from "../ports/store.ts";
import { clockNameOf } from "../registry/index.ts";
import { AppliedMarks, type Mark } from "./applied-marks.ts";
import { emptyRow, hasNotActed, isNews, type Row, recordOf, rowOf } from "./row.ts";
import { RowWriter } from "./row-writer.ts";

export interface EpisodeJournalOptions {
  readonly clock: Clock;
  readonly store: Pick<Store, "saveEpisodes">;
  readonly maxEpisodes: number;
  /** How long agents may take to come back, after the node's start and after they have left. */
  readonly windowUs: number;
  /** Cooldown of a rule; 0 for one that is not in force. */
  readonly cooldownUsOf: (rule: RuleName) => number;
  /** By the names of an agent's clocks, up to which instant its samples were applied; undefined while it has no session. */
  readonly appliedUntilUs: (agent: AgentId) => Readonly<Record<string, number>> | undefined;
  /** What cells have come to that have begun or ceased to be pending; asked for some time after `pendingChanged`. */
  readonly takePendingChanges: () => Iterable<PendingChange>;
  /** Told when a write failed. */
  readonly onStoreError: (error: MyelinError) => void;
}

/** An episode of an earlier run, as it is to be reinstated. */
export interface LostEpisode extends Pick<EpisodeRecord, "recipient" | "end" | "isOver"> {
  readonly episode: EpisodeKey;
}

/** What an earlier run has left of an agent. */
export interface LostState {
  readonly episodes: readonly LostEpisode[];
  readonly pending: readonly (PendingRecord & { readonly rule: RuleName })[];
}

const nothingLost: LostState = { episodes: [], pending: [] };

const sweepEveryUs = 10_000_000;

export class EpisodeJournal {
  /** Episodes that were not kept for want of room, and rows that the disk refused. */
  readonly counters = { dropped: 0, refused: 0 };
  readonly #options: EpisodeJournalOptions;
  readonly #rows = new Map<AgentId, Map<RuleName, Row>>();
  readonly #over = new Set<Row>();
  readonly #onlyPending = new Set<Row>();
  readonly #marks = new AppliedMarks();
  readonly #writer: RowWriter<Row>;
  #size = 0;
  #waiting = 0;
  #sweeper: Timer | undefined;
  #window: Timer | undefined;
  #isStopped = false;

  constructor(options: EpisodeJournalOptions) {
    this.#options = options;
    const { clock, onStoreError } = options;
    this.#writer = new RowWriter({
      clock,
      collect: () => this.#takePendingChanges(),
      write: (rows) => this.#save(rows),
      onRefused: (count, error) => {
        this.counters.refused += count;
        onStoreError(error);
      },
    });
  }

  /** Episodes kept. */
  get size(): number {
    return this.#size;
  }

  /** Rows that are to be written. */
  get unwrittenCount(): number {
    return this.#writer.size;
  }

  /** Takes over what an earlier run has kept, and gives its agents the window to come back. */
  restore(records: readonly EpisodeRecord[]): void {
    const { clock, windowUs } = this.#options;
    for (const record of records) {
      const row = rowOf(record);
      this.#add(row);
      this.#waiting += 1;
      if (hasNotActed(row)) this.#onlyPending.add(row);
      else this.#place(row, row.isOver);
      const own = clockNameOf(row.timeLine);
      for (const [name, partUs] of Object.entries(row.appliedUntilUs)) {
        // The start tells of the clock that it came by: another part may have been away by then.
        const startedAtUs = name === own ? row.startedAtUs : Number.NEGATIVE_INFINITY;
        this.#marks.note(row.agent, name, { partUs, startedAtUs });
      }
    }
    if (records.length > 0) this.#window = clock.schedule(windowUs, () => this.#windowPassed());
  }

  /** What is kept of an agent that is back after the node's start, once. */
  takeUp(agent: AgentId): LostState {
    if (this.#waiting === 0) return nothingLost;
    const episodes: LostEpisode[] = [];
    const waiting: LostState["pending"][number][] = [];
    for (const row of this.#rows.get(agent)?.values() ?? []) {
      if (!row.isWaiting) continue;
      this.#arrive(row);
      if (row.pending !== undefined) waiting.push({ ...row.pending, rule: row.rule });
      if (hasNotActed(row)) continue;
      const { rule, meaningVersion, timeLine, startedAtUs, attempt, isOver, recipient, end } = row;
      const episode = { rule, meaningVersion, agent, timeLine, startedAtUs, attempt };
      episodes.push({
        episode,
        isOver,
        ...(recipient === undefined ? {} : { recipient }),
        ...(end === undefined ? {} : { end }),
      });
    }
    return { episodes, pending: waiting };
  }

  /** Up to where an earlier run has applied the samples of one of the agent's clocks, once. */
  takeMark(agent: AgentId, clockName: string): Mark | undefined {
    return this.#marks.take(agent, clockName);
  }

  /** An agent tells up to where an earlier run had applied the samples of one of its clocks. */
  noteMark(agent: AgentId, clockName: string, mark: Mark): void {
    this.#marks.note(agent, clockName, mark);
  }

  /** Rules have begun or ceased to be pending. */
  pendingChanged(): void {
    this.#writer.wake();
  }

  /** What an agent's rule is pending since; undefined when it is not pending. */
  notePending({ agent, rule, pending }: PendingChange): void {
    const known = this.#rows.get(agent)?.get(rule);
    if (known?.pending?.sinceUs === pending?.sinceUs) return;
    if (pending === undefined) {
      if (known !== undefined) this.#endPending(known);
      return;
    }
    const row = this.#of(agent, rule);
    if (row === undefined) {
      this.counters.dropped += 1;
      return;
    }
    row.pending = pending;
    if (hasNotActed(row)) this.#onlyPending.add(row);
    this.#writer.changed(row);
  }

  /** An instruction is sent: until it has ended its agent tells of it. */
  sent({ agent, episode, recipient }: Instruction, isOver: boolean): void {
    const row = episode === undefined ? undefined : this.#ofActing(agent, episode.rule);
    if (row === undefined || episode === undefined || !isNews(row, episode)) return;
    this.#note(row, episode, recipient, undefined);
    this.#place(row, isOver);
    this.#writer.changed(row);
  }

  /** Keeps the episode of an ended instruction. Resolves to true when that is on disk, to false when it was not written; never rejects. */
  keep(instruction: Instruction, isOver: boolean): Promise<boolean> {
    const { agent, episode, recipient, isHeldBack, status, times } = instruction;
    if (episode === undefined) return Promise.resolve(true);
    const row = this.#ofActing(agent, episode.rule);
    if (row === undefined) {
      this.counters.dropped += 1;
      return Promise.resolve(false);
    }
    if (isNews(row, episode)) {
      const endedAtUs = instruction.endedAtUs ?? this.#options.clock.nowUs();
      // One that is not sent counts as ended when it was decided, and is not attempted again.
      const end = isHeldBack
        ? { succeeded: true, endedAtUs: instruction.createdAtUs }
        : { succeeded: !mayTryAgain(status), endedAtUs: earlier(times.executedAtUs, endedAtUs) };
      this.#note(row, episode, recipient, end);
      this.#place(row, isOver);
      this.#writer.changed(row);
    }
    return this.#writer.isWritten(row);
  }

  /** How the latest instruction of a lost episode ended is not known, and nobody will tell. */
  givenUp({ agent, rule, startedAtUs, attempt }: EpisodeKey, endedAtUs: number): void {
    const row = this.#rows.get(agent)?.get(rule);
    if (row?.startedAtUs !== startedAtUs || row.attempt !== attempt) return;
    row.end ??= { succeeded: false, endedAtUs };
    this.#place(row, row.isOver);
    this.#writer.changed(row);
  }

  /** Of the instruction of a lost episode its agent knows nothing: there was none. */
  drop({ agent, rule, startedAtUs }: EpisodeKey): void {
    const row = this.#rows.get(agent)?.get(rule);
    if (row?.startedAtUs === startedAtUs) this.#forget(row);
  }

  /** An episode is over. */
  over(agent: AgentId, rule: RuleName, startedAtUs: number): void {
    const row = this.#rows.get(agent)?.get(rule);
    if (row === undefined) return;
    if (row.pending?.sinceUs === startedAtUs) this.#endPending(row);
    if (row.isOver || startedAtUs !== row.startedAtUs) return;
    this.#place(row, true);
    this.#writer.changed(row);
  }

  /** The agent is not known any more. */
  forget(agent: AgentId): void {
    this.#marks.forget(agent);
    for (const row of this.#rows.get(agent)?.values() ?? []) this.#forget(row);
  }

  /** Writes all that has changed, once; resolves to false when some of it was refused. */
  flush(): Promise<boolean> {
    return this.#writer.flush();
  }

  /** Does nothing by itself any more. */
  stop(): void {
    this.#isStopped = true;
    this.#writer.stop();
    this.#sweeper?.cancel();
    this.#window?.cancel();
  }

  /** The row of an agent and rule, made if need be; undefined at the bound. */
  #of(agent: AgentId, rule: RuleName): Row | undefined {
    const known = this.#rows.get(agent)?.get(rule);
    if (known !== undefined) {
      if (known.isWaiting) this.#arrive(known);
      return known;
    }
    if (this.#size >= this.#options.maxEpisodes) return undefined;
    return this.#add(emptyRow(agent, rule));
  }

  /** The same for an episode that acts: at the bound what is only pending gives way. */
  #ofActing(agent: AgentId, rule: RuleName): Row | undefined {
    const row = this.#of(agent, rule);
    if (row !== undefined) return row;
    const [first] = this.#onlyPending;
    if (first === undefined) return undefined;
    this.counters.dropped += 1;
    this.#forget(first);
    return this.#of(agent, rule);
  }

  #takePendingChanges(): void {
    for (const change of this.#options.takePendingChanges()) this.notePending(change);
  }

  #endPending(row: Row): void {
    row.pending = undefined;
    if (hasNotActed(row)) this.#forget(row);
    else this.#writer.changed(row);
  }

  #add(row: Row): Row {
    const rows = this.#rows.get(row.agent) ?? new Map<RuleName, Row>();
    this.#rows.set(row.agent, rows.set(row.rule, row));
    this.#size += 1;
    return row;
  }

  #arrive(row: Row): void {
    row.isWaiting = false;
    this.#waiting -= 1;
  }

  #note(
    row: Row,
    episode: InstructionEpisode,
    recipient: EpisodeRecord["recipient"] | undefined,
    end: EpisodeRecord["end"] | undefined,
  ): void {
    row.meaningVersion = episode.meaningVersion;
    row.timeLine = episode.timeLine;
    row.startedAtUs = episode.startedAtUs;
    row.attempt = episode.attempt;
    row.recipient = recipient;
    row.end = end;
    this.#onlyPending.delete(row);
    if (row.pending !== undefined && row.pending.sinceUs <= episode.startedAtUs)
      row.pending = undefined;
  }

  /** Notes whether the episode is over, and from when on it need not be kept. */
  #place(row: Row, isOver: boolean): void {
    row.isOver = isOver;
    if (!isOver) {
      this.#over.delete(row);
      return;
    }
    const { clock, windowUs, cooldownUsOf } = this.#options;
    const cooledDownUs = row.end === undefined ? 0 : row.end.endedAtUs + cooldownUsOf(row.rule);
    row.keptUntilUs = Math.max(clock.nowUs() + windowUs, cooledDownUs);
    this.#over.add(row);
    if (!this.#isStopped) this.#sweeper ??= clock.schedule(sweepEveryUs, () => this.#sweep());
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const { clock } = this.#options;
    const nowUs = clock.nowUs();
    for (const row of this.#over)
      if (row.keptUntilUs <= nowUs && row.pending === undefined) this.#forget(row);
    if (this.#over.size > 0) this.#sweeper = clock.schedule(sweepEveryUs, () => this.#sweep());
  }

  #windowPassed(): void {
    for (const rows of this.#rows.values())
      for (const row of rows.values()) {
        if (!row.isWaiting) continue;
        if (row.pending !== undefined) this.#endPending(row);
        if (row.isOver) continue;
        this.#place(row, true);
        this.#writer.changed(row);
      }
  }

  #forget(row: Row): void {
    const isAgentAway = row.isWaiting;
    if (isAgentAway) this.#arrive(row);
    row.isForgotten = true;
    this.#size -= 1;
    this.#over.delete(row);
    this.#onlyPending.delete(row);
    const rows = this.#rows.get(row.agent);
    rows?.delete(row.rule);
    if (rows?.size === 0) {
      this.#rows.delete(row.agent);
      // Of an agent that is back a part may still be away that has more to send again.
      if (isAgentAway) this.#marks.forget(row.agent);
    }
    this.#writer.changed(row);
  }

  #save(rows: readonly Row[]): Promise<void> {
    const records: EpisodeRecord[] = [];
    const forgotten: Row[] = [];
    for (const row of rows) {
      if (!row.isForgotten) {
        const present = this.#options.appliedUntilUs(row.agent);
        if (present !== undefined)
          row.appliedUntilUs = { ...this.#marks.waiting(row.agent), ...present };
        records.push(recordOf(row));
      } else if (this.#rows.get(row.agent)?.has(row.rule) !== true) forgotten.push(row);
    }
    return this.#options.store.saveEpisodes(records, forgotten);
  }
}

function earlier(oneUs: number, otherUs: number): number {
  return oneUs < otherUs ? oneUs : otherUs;
}
