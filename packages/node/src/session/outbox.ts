/**
 * What sessions have queued, on its way out.
 *
 * Invariants
 * 1. What one turn queues for a session leaves in one frame, cut only where it reaches the bound on frames.
 * 2. Frames leave in the order in which their sessions first queued something, so that the order of
 *    scores holds across agents.
 * 3. A session holds a writer only while something of it is queued.
 * 4. A session whose peer leaves more than the hard bound unread is told of (`onSlowReader`), and nothing
 *    else is touched.
 */
import type { Channel } from "@myelin/core/channel";
import { FrameWriter } from "@myelin/core/wire";
import type { PartSession, SessionOutbox } from "./part-session.ts";

/** Writers kept for those who queue something next; what was queued in one turn may have needed more. */
const maxKeptWriters = 64;

export class Outbox implements SessionOutbox {
  readonly #hardBytes: number;
  readonly #onSlowReader: (session: PartSession) => void;
  readonly #queued: PartSession[] = [];
  /** Sessions whose peer had something unread when they were last written to. */
  readonly #unread = new Set<PartSession>();
  readonly #writers: FrameWriter[] = [];
  #next = 0;
  #shedFrames = 0;
  #isFlushPlanned = false;
  readonly #plannedFlush = (): void => {
    this.#isFlushPlanned = false;
    this.flush();
  };

  constructor(hardBytes: number, onSlowReader: (session: PartSession) => void) {
    this.#hardBytes = hardBytes;
    this.#onSlowReader = onSlowReader;
  }

  queue(session: PartSession): void {
    if (session.isQueued) return;
    session.isQueued = true;
    this.#queued.push(session);
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    queueMicrotask(this.#plannedFlush);
  }

  cut(session: PartSession): void {
    send(session);
    // Whether too much is unread is looked at in the flush: here the caller is in the midst of its work.
    this.queue(session);
  }

  shed(): void {
    this.#shedFrames += 1;
  }

  /** Pings and pongs not sent, over all sessions since the start. */
  get shedFrames(): number {
    return this.#shedFrames;
  }

  forget(session: PartSession): void {
    this.#unread.delete(session);
  }

  lend(): FrameWriter {
    return this.#writers.pop() ?? new FrameWriter();
  }

  giveBack(writer: FrameWriter): void {
    if (this.#writers.length < maxKeptWriters) this.#writers.push(writer);
  }

  /** Bytes that wait to be taken by peers. Looks only at those that had something unread. */
  get waitingBytes(): number {
    let sum = 0;
    for (const session of this.#unread) {
      const { state } = session;
      const sizeBytes = state.kind === "live" ? state.carrier.channel.bufferedBytes : 0;
      if (sizeBytes === 0) this.#unread.delete(session);
      sum += sizeBytes;
    }
    return sum;
  }

  /** Writes what every session has queued, one frame each. */
  flush(): void {
    const queued = this.#queued;
    while (this.#next < queued.length) {
      // The index is below the length.
      const session = queued[this.#next++] as PartSession;
      session.isQueued = false;
      const channel = send(session);
      if (channel === undefined || channel.bufferedBytes === 0) continue;
      this.#unread.add(session);
      if (channel.bufferedBytes > this.#hardBytes) this.#onSlowReader(session);
    }
    queued.length = 0;
    this.#next = 0;
  }
}

/** Sends a session's frame; gives its channel when it has one. */
function send(session: PartSession): Channel | undefined {
  const { state } = session;
  if (state.kind !== "live") return undefined;
  const { channel } = state.carrier;
  const frame = session.takeFrame();
  if (frame !== undefined) channel.send(frame);
  return channel;
}
