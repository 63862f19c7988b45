/**
 * Tells those who watch what happens to agents, episodes and instructions, and what agents tell to have happened.
 *
 * Invariants
 * 1. Every event has a number, one higher than the one before, in one life of the node; with the life it
 *    is a cursor, from which a watcher goes on: what it was not told, it is told now or told to be lost.
 * 2. Who comes with a cursor of another life is told `reset`, and then what is kept of this life, or what is lost of it.
 * 3. Events are kept while somebody watches, and for a while after the last watcher; otherwise they are
 *    only counted: what nobody asked for must not cost a node that starts under the load of its agents. Texts are made outside of the turn in which something happens.
 * 4. What waits for a watcher is bounded: its answer by `watcherBytes`, the events by the ring.
 */
import { MyelinError } from "@myelin/core/errors";
import type { AgentId, RuleName } from "@myelin/core/ids";
import { formatTime, type InstructionDocument } from "@myelin/core/instruction";
import type { JsonObject } from "@myelin/core/json";
import { type Random, randomName } from "@myelin/core/random";
import type { AgentAttributes } from "@myelin/core/rules";
import type { Instruction } from "../instruction/index.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { ResponseSink, ResponseSource } from "../ports/transport.ts";
import type { Agent } from "../registry/index.ts";
import { type Cursor, formatCursor } from "./cursor.ts";
import {
  type AgentEventType,
  type EpisodeEventType,
  eventText,
  forwarded,
  recordSizeBytes,
  snapshotOf,
  type WatchRecord,
} from "./event.ts";
import type { WatchFilter } from "./filter.ts";
import { LatestEnded } from "./latest-ended.ts";
import { EventRing } from "./ring.ts";
import { Watcher } from "./watcher.ts";

/** Bounds of the station. */
export interface WatchSettings {
  /** Most who watch at once; one more is refused with RESOURCE_EXHAUSTED. */
  readonly maxWatchers: number;
  /** Most events kept; a watcher further behind is told what it lost. */
  readonly maxWatchEvents: number;
  /** Most memory of the events kept, by an estimate. */
  readonly maxWatchBytes: number;
  /** Bytes towards one watcher that the network has not taken; beyond, it waits with the ring as its buffer. */
  readonly watcherBytes: number;
  /** A sign of life is sent this often, and who has taken nothing for two of them is cut off with SLOW_READER. */
  readonly watchKeepAliveUs: number;
  /** How long events are kept after the last watcher left. */
  readonly watchLingerUs: number;
}

export interface WatchOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: WatchSettings;
  readonly agents: { get(id: AgentId): Pick<Agent, "attributes"> | undefined };
  /** Told when nobody has watched for a while, and events are not kept any more. */
  readonly onIdle?: () => void;
}

/** How somebody watches. */
export interface WatchRequest {
  readonly filter: WatchFilter;
  /** The last event seen; without one it begins with what happens next. */
  readonly cursor: Cursor | undefined;
}

export class Watch {
  /** Name of this life of the node. */
  readonly life: string;
  /** The instructions that ended last. */
  readonly latestEnded: LatestEnded = new LatestEnded();
  /** Totals since the start: events that a watcher was told to be lost, and watchers cut off for not reading. */
  readonly counters = { lost: 0, cutOff: 0 };
  readonly #options: WatchOptions;
  readonly #ring: EventRing;
  readonly #watchers = new Set<Watcher>();
  #isRecording = false;
  #isPumpPlanned = false;
  #linger: Timer | undefined;
  #keepAlive: Timer | undefined;
  #closed: MyelinError | undefined;
  /** Takes the events in place of the ring, where another watch of the node keeps them. */
  #forward: ((record: WatchRecord) => void) | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { maxWatchEvents, maxWatchBytes } = options.settings;
    this.#ring = new EventRing(maxWatchEvents, maxWatchBytes);
    this.life = randomName(options.random, 8);
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** Events that are kept for those who watch, and their memory by an estimate. */
  get kept(): { readonly count: number; readonly bytes: number } {
    return { count: this.#ring.size, bytes: this.#ring.sizeBytes };
  }

  /** True while events are kept: what only they need is to be made then alone. */
  get isRecording(): boolean {
    return this.#isRecording;
  }

  /** The latest event. */
  get cursor(): Cursor {
    return { life: this.life, number: this.#ring.last };
  }

  /** @throws MyelinError RESOURCE_EXHAUSTED, NODE_DRAINING */
  requireRoom(): void {
    if (this.#closed !== undefined) throw this.#closed;
    const { maxWatchers } = this.#options.settings;
    if (this.#watchers.size < maxWatchers) return;
    throw new MyelinError(
      "RESOURCE_EXHAUSTED",
      `${maxWatchers} watch this node already, which is the limit maxWatchers`,
    );
  }

  /** Begins to tell a watcher, until it stops or the station closes. @throws MyelinError RESOURCE_EXHAUSTED, NODE_DRAINING */
  open(request: WatchRequest, sink: ResponseSink): ResponseSource {
    this.requireRoom();
    this.#linger?.cancel();
    this.#isRecording = true;
    const { clock, settings } = this.#options;
    const next = this.#begin(request.cursor, sink);
    const watcher = new Watcher({
      next,
      sink,
      life: this.life,
      ring: this.#ring,
      filter: request.filter,
      maxBytes: settings.watcherBytes,
      onLost: (count) => (this.counters.lost += count),
    });
    this.#watchers.add(watcher);
    this.#keepAlive ??= clock.schedule(settings.watchKeepAliveUs, () => this.#look());
    this.#planPump();
    return {
      onDrain: () => {
        watcher.drained();
        this.#planPump();
      },
      onEnd: () => this.#remove(watcher),
    };
  }

  /** Somebody may be about to watch: if nobody is found to, it is as if the last watcher had left. */
  expect(): void {
    if (this.#watchers.size === 0) this.#lingerOn();
  }

  /**
   * Has the events of this watch go to another of the node, until it is called without; gives how many there were
   * until now. Nobody watches this one then.
   */
  forward(take: ((record: WatchRecord) => void) | undefined): number {
    this.#forward = take;
    this.#isRecording = take !== undefined;
    return this.#ring.last;
  }

  /** Takes an event of another watch of the node. */
  take(record: WatchRecord): void {
    if (!this.#isRecording) this.#ring.skip();
    else this.#push(record);
  }

  /** Counts events of another watch that it did not hand over: who watches is told that they are lost. */
  missed(count: number): void {
    if (count <= 0) return;
    this.#ring.clear();
    this.#ring.skip(count);
    if (this.#watchers.size > 0) this.#planPump();
  }

  /** Something happened to an agent. */
  agent(
    type: AgentEventType,
    agent: AgentId,
    attributes: AgentAttributes,
    detail: JsonObject,
  ): void {
    if (!this.#isRecording) this.#ring.skip();
    else this.#record("agents", type, agent, attributes, undefined, detail);
  }

  /** Something happened at an agent, as it told; `detail` is asked for while events are kept. */
  told(type: string, agent: AgentId, attributes: AgentAttributes, detail: () => JsonObject): void {
    if (!this.#isRecording) this.#ring.skip();
    else this.#record("events", type, agent, attributes, undefined, detail());
  }

  /** Something happened to a rule for an agent; `detail` is asked for while events are kept. */
  episode(
    type: EpisodeEventType,
    rule: RuleName,
    agent: AgentId,
    attributes: AgentAttributes,
    detail: () => JsonObject,
  ): void {
    if (!this.#isRecording) this.#ring.skip();
    else this.#record("episodes", type, agent, attributes, rule, detail());
  }

  /** An instruction has come as far as its status says. */
  instruction(instruction: Instruction): void {
    if (!this.#isRecording) {
      this.#ring.skip();
      return;
    }
    const { status, agent } = instruction;
    const type = status === "received" || status === "sent" ? status : "accepted";
    this.#push({
      atUs: this.#options.clock.nowUs(),
      kind: "instructions",
      type,
      agent,
      attributes: this.#options.agents.get(agent)?.attributes,
      rule: instruction.episode?.rule,
      detail: snapshotOf(instruction),
      sizeBytes: recordSizeBytes(instruction.args),
      text: undefined,
    });
  }

  /** An instruction has ended, as its document tells. */
  ended(instruction: Instruction, document: InstructionDocument): void {
    this.latestEnded.add(document);
    if (!this.#isRecording) {
      this.#ring.skip();
      return;
    }
    const { agent, episode } = instruction;
    this.#push({
      atUs: instruction.endedAtUs ?? this.#options.clock.nowUs(),
      kind: "instructions",
      type: "ended",
      agent,
      attributes: this.#options.agents.get(agent)?.attributes,
      rule: episode?.rule,
      detail: document,
      sizeBytes: recordSizeBytes(document.args, document.result),
      text: undefined,
    });
  }

  /** Tells everybody what is left, and why nothing more comes; nobody is admitted any more. */
  close(why: MyelinError): void {
    this.#closed ??= why;
    this.#linger?.cancel();
    this.#keepAlive?.cancel();
    this.#keepAlive = undefined;
    for (const watcher of this.#watchers) {
      while (watcher.pump());
      watcher.end(why, false);
    }
  }

  #record(
    kind: WatchRecord["kind"],
    type: WatchRecord["type"],
    agent: AgentId,
    attributes: AgentAttributes | undefined,
    rule: RuleName | undefined,
    detail: JsonObject,
  ): void {
    const atUs = this.#options.clock.nowUs();
    const sizeBytes = recordSizeBytes(type, detail);
    this.#push({ atUs, kind, type, agent, attributes, rule, detail, sizeBytes, text: undefined });
  }

  #push(record: WatchRecord): void {
    if (this.#forward !== undefined) {
      this.#ring.skip();
      this.#forward(forwarded(record));
      return;
    }
    this.#ring.push(record);
    if (this.#watchers.size > 0) this.#planPump();
  }

  /** Says where a watcher begins; gives the number of the first event it is told. */
  #begin(cursor: Cursor | undefined, sink: ResponseSink): number {
    const { last } = this.#ring;
    const time = formatTime(this.#options.clock.nowUs());
    const isKnown = cursor === undefined || (cursor.life === this.life && cursor.number <= last);
    const number = isKnown ? (cursor?.number ?? last) : 0;
    const from = formatCursor({ life: this.life, number });
    const text = isKnown
      ? eventText("begin", from, { cursor: from, time, isResumed: cursor !== undefined })
      : eventText("reset", from, { cursor: from, time, given: formatCursor(cursor) });
    sink.write(text);
    return number + 1;
  }

  #planPump(): void {
    if (this.#isPumpPlanned) return;
    this.#isPumpPlanned = true;
    this.#options.clock.defer(() => this.#pump());
  }

  #pump(): void {
    this.#isPumpPlanned = false;
    let isAgain = false;
    for (const watcher of this.#watchers) isAgain = watcher.pump() || isAgain;
    if (isAgain) this.#planPump();
  }

  #look(): void {
    const { clock, settings } = this.#options;
    for (const watcher of this.#watchers) {
      if (watcher.isOver || watcher.look()) continue;
      this.counters.cutOff += 1;
      watcher.end(new MyelinError("SLOW_READER", "what was written is not being read"), true);
    }
    this.#keepAlive = clock.schedule(settings.watchKeepAliveUs, () => this.#look());
  }

  #remove(watcher: Watcher): void {
    watcher.stopped();
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    this.#keepAlive?.cancel();
    this.#keepAlive = undefined;
    this.#lingerOn();
  }

  /** Keeps events for a while yet. */
  #lingerOn(): void {
    if (this.#closed !== undefined) return;
    const { clock, settings } = this.#options;
    this.#linger?.cancel();
    this.#linger = clock.schedule(settings.watchLingerUs, () => {
      this.#isRecording = false;
      this.#ring.clear();
      this.#options.onIdle?.();
    });
  }
}
