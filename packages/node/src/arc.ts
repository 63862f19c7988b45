/**
 * The arc of one lane: the stations wired together. It knows ports and no adapters, so that the same
 * arc runs on real sockets and disks, embedded in a program, and in simulated time.
 */
import type { Channel, ChannelEnd, ChannelHandler } from "@myelin/core/channel";
import type { Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { OverloadLevel } from "@myelin/core/schedule";
import type { Acknowledgement, EventMessage, Hello } from "@myelin/core/wire";
import type { AgentInsight, TopInsight } from "./api/index.ts";
import type { ArcOptions } from "./arc-options.ts";
import { Audit } from "./audit/index.ts";
import { type ByHand, type Dispatch, instructionOfRecord, type Reports } from "./dispatch/index.ts";
import type { Engine, Firing } from "./engine/index.ts";
import { EpisodeMemory } from "./episode-memory.ts";
import type { EpisodeJournal } from "./episodes/index.ts";
import type { HistoryJournal } from "./history/index.ts";
import { type HeldBack, Ingest, noCounts } from "./ingest/index.ts";
import { type Ledger, Restoration } from "./ledger/index.ts";
import { noteMetrics } from "./note-metrics.ts";
import type { StoredState } from "./ports/store.ts";
import type { PeerInfo } from "./ports/transport.ts";
import { type Recorder, tellRecorded, type Told } from "./recording/index.ts";
import {
  type Agent,
  clockName,
  nodePartIndex,
  type Part,
  type Registry,
} from "./registry/index.ts";
import { Enforcement, RuleBook, type RuleEntry } from "./rules/index.ts";
import type { Overload, OverloadFigures, Scheduler } from "./scheduler/index.ts";
import {
  type Attachment,
  type PartSession,
  type SessionIntake,
  type SessionListener,
  SessionStation,
} from "./session/index.ts";
import {
  makeByHand,
  makeDispatch,
  makeEngine,
  makeEpisodes,
  makeHeldBack,
  makeHistory,
  makeLedger,
  makeOverload,
  makeRecorder,
  makeRegistry,
  makeReports,
  makeScheduler,
  type Stations,
  storeErrorsOf,
} from "./stations.ts";
import { Watch } from "./watch/index.ts";
import { Witness } from "./witness.ts";

export type { ArcOptions } from "./arc-options.ts";
export type { Notice } from "./notice.ts";

/** Heartbeat intervals of silence from which on a part is told to hang. */
const hungAfterIntervals = 1.5;

/** How long a drain waits for the disk to take what has ended. */
const maxEndWriteUs = 1_000_000;

/** The stations of one lane, wired together. */
export class Arc implements SessionListener, Stations {
  readonly engine: Engine;
  /** Records what the engine is told; undefined where nothing does. */
  readonly recorder: Recorder | undefined;
  /** What the engine is told by: itself, or what records it too. */
  readonly told: Told;
  readonly ingest: Ingest;
  readonly registry: Registry;
  readonly sessions: SessionStation;
  readonly scheduler: Scheduler;
  /** Undefined where nothing measures what the node uses. */
  readonly overload: Overload | undefined;
  readonly dispatch: Dispatch;
  readonly byHand: ByHand;
  readonly reports: Reports;
  readonly ledger: Ledger;
  readonly episodes: EpisodeJournal;
  /** Undefined where nothing keeps what rules read of the past. */
  readonly history: HistoryJournal | undefined;
  readonly rules: RuleBook;
  readonly enforcement: Enforcement;
  readonly audit: Audit;
  readonly watch: Watch;
  readonly #options: ArcOptions;
  readonly #witness: Witness;
  readonly #memory: EpisodeMemory;
  readonly #restoration: Restoration;
  readonly #heartbeatAge: number;
  /** Undefined where no sample waits for older ones. */
  readonly #heldBack: HeldBack | undefined;
  /** Metrics that were reported or observed since the start; bounded by the engine's metrics. */
  readonly #seenMetrics = new Set<string>(["heartbeat_age"]);
  #isDraining = false;
  #isStopped = false;
  #engineTimer: Timer | undefined;
  #engineDueUs = Number.POSITIVE_INFINITY;

  constructor(options: ArcOptions) {
    this.#options = options;
    const { clock, random, store, settings, sessionSettings } = options;
    const onStoreError = storeErrorsOf(options);
    this.audit = new Audit({ clock, store, onStoreError });
    this.engine = makeEngine(options, {
      onFiring: (firing) => this.#onFiring(firing),
      onEpisodeEnd: (rule, slot, atUs, startedAtUs) => {
        this.#witness.changed("resolved", rule, slot, atUs);
        this.#memory.ended(rule, slot, startedAtUs);
      },
      onPendingChange: () => this.episodes.pendingChanged(),
    });
    const counters = noCounts();
    this.recorder = makeRecorder(options);
    this.told = this.recorder ? tellRecorded(this.engine, this.recorder) : this.engine;
    this.#heartbeatAge = this.told.metric("heartbeat_age");
    this.#heldBack = makeHeldBack(options, this, this.recorder, counters);
    this.ingest = new Ingest({
      engine: noteMetrics(this.engine, this.told, (name) => this.noteMetric(name)),
      held: this.#heldBack,
      counters,
      maxMetrics: sessionSettings.maxMetrics,
      onEvent: (slot, part, event, timeUs) => this.#onEvent(slot, part, event, timeUs),
    });
    this.registry = makeRegistry(options, this, (agent, attributes) => {
      this.dispatch.forgotten(agent);
      this.episodes.forget(agent);
      this.#witness.forgotten(agent, attributes);
    });
    const { onWatchIdle } = options.ties ?? {};
    this.watch = new Watch({
      clock,
      random,
      settings,
      agents: this.registry,
      ...(onWatchIdle === undefined ? {} : { onIdle: onWatchIdle }),
    });
    this.sessions = this.#makeSessions();
    this.#endSessionsWithTokens();
    this.ledger = makeLedger(options, this);
    this.#restoration = new Restoration({ clock, store, ledger: this.ledger, onStoreError });
    this.episodes = makeEpisodes(options, this, (agent) => this.#memory.appliedUntilUs(agent));
    this.history = makeHistory(options, this);
    this.dispatch = makeDispatch(options, this, {
      keep: (instruction) => this.#memory.keep(instruction),
      sent: (instruction) => this.#memory.sent(instruction),
    });
    this.scheduler = makeScheduler(options, this);
    this.overload = makeOverload(options, this, (level) => this.#relieve(level));
    this.byHand = makeByHand(options, this);
    this.reports = makeReports(options, this, {
      keep: (instruction) => this.#memory.keep(instruction),
      reinstate: (...args) => this.#memory.reinstateTold(...args),
    });
    this.rules = new RuleBook({
      clock,
      store,
      maxRules: settings.maxRules,
      knowsMetric: (name) => this.#seenMetrics.has(name),
      samplingIntervalUs:
        options.ties?.samplingIntervalUs ?? ((name) => this.engine.samplingIntervalUs(name)),
      prepare: (rules) => this.#prepareRules(rules),
      ...(options.ties?.prepareOthers === undefined
        ? {}
        : { prepareOthers: options.ties.prepareOthers }),
    });
    this.enforcement = new Enforcement({
      clock,
      store,
      switch: (isOn) => this.#switchEnforcement(isOn),
      onChange: (record) => options.onNotice({ kind: "enforcement", record }),
    });
    this.#witness = this.#makeWitness();
    this.#memory = this.#makeMemory();
  }

  /** Takes over what the store kept, then begins to work. */
  async start(): Promise<void> {
    const { agents, rules, openInstructions, tokens, episodes, enforcement } = this.#ownPart(
      await this.#options.store.load(),
    );
    if (this.#isSpeaker) this.#restoration.start();
    this.#options.access.tokens?.restore(tokens);
    this.registry.restore(agents);
    this.enforcement.restore(enforcement);
    await this.history?.restore();
    for (const { message } of this.rules.restore(rules))
      this.#options.onNotice({ kind: "rule-unreadable", message });
    this.episodes.restore(episodes);
    this.#memory.start();
    for (const record of openInstructions) this.dispatch.restore(instructionOfRecord(record));
    await this.recorder?.start();
    this.sessions.start();
    this.history?.start();
    this.overload?.start();
  }

  /** Takes a channel that a transport accepted. */
  accept(channel: Channel, peer: PeerInfo): ChannelHandler {
    return this.sessions.accept(channel, peer);
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** A metric is reported, here or in another lane. */
  noteMetric(name: string): void {
    if (this.#seenMetrics.has(name)) return;
    this.#seenMetrics.add(name);
    this.#options.ties?.onMetric?.(name);
  }

  /**
   * Takes no new work, waits until what is under way has ended or `boundUs` has passed, says goodbye
   * to the agents and writes what is left. What has not ended is handed back: it stays on disk, or
   * with its agent, for the node's next run; what would be lost ends now, and says so.
   */
  async drain(boundUs: number): Promise<void> {
    this.#isDraining = true;
    this.#restoration.stop();
    this.overload?.stop();
    this.#relieve(0);
    this.dispatch.drain();
    const { clock, ties } = this.#options;
    const untilUs = clock.nowUs() + boundUs;
    if (ties?.drainOthers !== undefined) await ties.drainOthers(boundUs);
    while (this.#isUnderWay() && clock.nowUs() < untilUs)
      await new Promise<void>((resolve) => clock.schedule(10_000, resolve));
    this.dispatch.handBack();
    // What is heard after its last look would be confirmed, and in no journal: nothing is, from this turn on.
    const historyKept = this.history?.stop();
    this.sessions.drain({
      code: "NODE_DRAINING",
      message: "the node is shutting down",
      canResume: true,
      isFinal: false,
    });
    this.watch.close(new MyelinError("NODE_DRAINING", "the node is shutting down"));
    this.#isStopped = true;
    this.#engineTimer?.cancel();
    this.dispatch.stop();
    this.scheduler.stop();
    this.ledger.flush();
    this.episodes.stop();
    this.#memory.stop();
    await Promise.all([
      historyKept,
      this.episodes.flush(),
      this.registry.flush(),
      this.#options.access.tokens?.stop(),
      this.audit.stop(),
      this.recorder?.stop(),
    ]);
    // The state hears of ends only after the ledger: on a disk that takes nothing that is not waited for.
    const writtenUntilUs = clock.nowUs() + maxEndWriteUs;
    while (this.dispatch.unwrittenCount > 0 && clock.nowUs() < writtenUntilUs)
      await new Promise<void>((resolve) => clock.schedule(1000, resolve));
  }

  /** How loaded the node is, and what it did about it. */
  overloadFigures(): OverloadFigures {
    return {
      level: this.overload?.level ?? 0,
      load: this.overload?.shares ?? { loop: 0, delay: 0, outbound: 0, memory: 0 },
      weights: this.scheduler.weights,
      waiting: this.scheduler.size,
      bulkFramesHeld: this.sessions.heldBulkFrames,
      ...this.scheduler.counters,
    };
  }

  /** What the API shows of the state of agents. */
  get insight(): AgentInsight & TopInsight {
    return {
      latest: (slot) => this.engine.latest(slot),
      ruleStates: (slot) => this.engine.agentStates(slot),
      value: (slot, metric) => this.engine.latestValue(slot, metric),
      twin: ({ slot }) => (slot === undefined ? {} : this.engine.twin(slot)),
    };
  }

  onAttached(session: PartSession, how: Attachment, outcomes: readonly Acknowledgement[]): void {
    this.#takeUpHistory(session);
    this.#memory.attached(session, outcomes);
    this.reports.take(session, outcomes);
    this.#memory.goOn(session.agent);
    if (how.isOpening) this.dispatch.attached(session);
    if (how.isFurther) return;
    this.#witness.attached(session, how);
    this.#options.onNotice({
      kind: "agent-attached",
      agent: session.agent.id,
      part: session.part.name,
      isResumed: how.isResumed,
    });
  }

  onAcknowledgement(session: PartSession, acknowledgement: Acknowledgement): void {
    this.reports.acknowledge(session, acknowledgement);
  }

  onDetached(session: PartSession, end: ChannelEnd): void {
    this.dispatch.detached(session.agent);
    this.#witness.detached(session, end);
    this.#options.onNotice({
      kind: "agent-detached",
      agent: session.agent.id,
      part: session.part.name,
      reason: end.reason,
    });
  }

  onTurnEnd(): void {
    this.scheduler.drain();
    this.#planEngine();
  }

  onHeartbeatAge(agent: Agent, ageSeconds: number, nowUs: number): void {
    this.#witness.aged(agent, ageSeconds, nowUs);
    if (agent.slot !== undefined)
      this.told.observe(
        agent.slot,
        nodePartIndex,
        this.#heartbeatAge,
        ageSeconds,
        Math.round(nowUs),
        nowUs,
      );
  }

  /** What rules read of the agent's past, before its episodes are reinstated. */
  #takeUpHistory({ agent: { id, slot }, part, intake }: PartSession): void {
    if (slot === undefined || this.history === undefined) return;
    this.history.takeUp(id, slot, (line, partUs) => this.#memory.goesOn(id, line, partUs));
    const eventsUs = this.history.takeEventMark(id, clockName(part));
    if (eventsUs !== undefined) intake.passEventsUntil(eventsUs);
  }

  /** True in the one arc of the node that tells what concerns it as a whole. */
  get #isSpeaker(): boolean {
    return this.#options.ties?.isFront !== false;
  }

  /** What of all that was kept belongs to the agents of this lane. */
  #ownPart(kept: StoredState): StoredState {
    const { ties } = this.#options;
    if (ties === undefined) return kept;
    return {
      ...kept,
      agents: kept.agents.filter(({ id }) => ties.owns(id)),
      openInstructions: kept.openInstructions.filter(({ agent }) => ties.owns(agent)),
      episodes: kept.episodes.filter(({ agent }) => ties.owns(agent)),
    };
  }

  #makeSessions(): SessionStation {
    const { clock, random, sessionSettings, node, ties } = this.#options;
    return new SessionStation({
      clock,
      random,
      node,
      registry: this.registry,
      settings: sessionSettings,
      listener: this,
      openIntake: (agent, part) => this.#openIntake(agent, part),
      authorize: (hello, peer) => this.#authorize(hello, peer),
      ...(ties === undefined
        ? {}
        : {
            elsewhere: ({ agentId }, peer) =>
              ties.owns(agentId) ? undefined : ties.addressOf(agentId, peer),
          }),
    });
  }

  #makeWitness(): Witness {
    const { engine, registry, rules, sessions, watch } = this;
    const { heartbeatIntervalUs } = this.#options.sessionSettings;
    const hungAfterSeconds = (heartbeatIntervalUs * hungAfterIntervals) / 1e6;
    return new Witness({ engine, registry, rules, sessions, watch, hungAfterSeconds });
  }

  #makeMemory(): EpisodeMemory {
    const { engine, registry, sessions } = this;
    const { clock, settings, sessionSettings } = this.#options;
    return new EpisodeMemory({
      clock,
      engine,
      registry,
      sessions,
      journal: this.episodes,
      futureToleranceUs: settings.futureToleranceUs,
      windowUs: sessionSettings.resumeWindowUs,
      partsWaitUs: settings.partsWaitUs,
      onReinstated: (episode, slot) => this.#witness.reinstated(episode, slot),
    });
  }

  /** A token that ends, ends what it had admitted; that one has expired is an act of the node's. */
  #endSessionsWithTokens(): void {
    this.#options.access.tokens?.onEnd((token, error) => {
      this.sessions.endAdmittedBy(token.id, error);
      if (token.revokedAtUs !== undefined || !this.#isSpeaker) return;
      const act = { actor: "node", act: "tokens.expire", subject: token.name, address: "" };
      void this.audit.record({ ...act, outcome: "done" });
    });
  }

  /** Gives the id of the token that admitted the agent. @throws MyelinError */
  #authorize({ token, agentId }: Hello, peer: PeerInfo): string | undefined {
    if (this.#isDraining) throw new MyelinError("NODE_DRAINING", "the node is shutting down");
    const { access } = this.#options;
    const shown = token === "" ? peer.token : token;
    try {
      return access.admitAgent(shown, agentId).tokenId;
    } catch (thrown) {
      const { code } = MyelinError.from(thrown);
      const who = { actor: access.nameOf(shown), act: "sessions.open", address: peer.address };
      void this.audit.refused({ ...who, subject: agentId, code });
      throw thrown;
    }
  }

  /** First bulk is not read any more, then low scores are delayed, then the queue's bound sinks. */
  #relieve(level: OverloadLevel): void {
    this.sessions.holdBulk(level >= 1);
    this.scheduler.setLevel(level);
  }

  #openIntake(agent: Agent, part: Part): SessionIntake {
    const { slot } = agent;
    if (slot === undefined) throw new MyelinError("INTERNAL", `agent ${agent.id} has no slot`);
    return this.ingest.open({
      slot,
      partName: part.name,
      partIndex: part.index,
      incarnation: part.incarnation,
    });
  }

  #onEvent(slot: number, part: string, event: EventMessage, timeUs: number): void {
    const agent = this.registry.bySlot(slot);
    if (agent === undefined) return;
    this.#witness.reported(agent, part, event, timeUs);
    this.#options.onNotice({ kind: "agent-event", agent: agent.id, part, event, timeUs });
  }

  #onFiring(firing: Firing): void {
    this.#witness.fired(firing);
    const { frame } = this.sessions;
    const { intake } = frame;
    const isOfLine = intake?.timeLine === firing.episode.timeLine && intake.newestUs > 0;
    const times = {
      sampledAtUs: firing.sampleTimeUs + frame.placementErrorUs,
      framedAtUs: frame.framedAtUs,
      arrivedAtUs: frame.arrivedAtUs,
      computedAtUs: frame.computedAtUs,
      decidedAtUs: this.#options.clock.nowUs(),
      writtenAtUs: Number.NaN,
      receivedAtUs: Number.NaN,
      executedAtUs: Number.NaN,
    };
    this.dispatch.fire(firing, times, isOfLine ? intake.newestUs : 0);
  }

  *#prepareRules(rules: readonly RuleEntry[]): Generator<void, (nowUs: number) => void> {
    const put = yield* this.engine.prepareRules(rules);
    return (nowUs) => {
      this.sessions.beginApply(Number.NaN, nowUs, 0);
      put(nowUs);
      this.sessions.endTurn();
    };
  }

  /** Off, what rules have decided and nobody was given yet is called off, too. */
  #switchEnforcement(isOn: boolean): void {
    this.engine.setEnforcing(isOn);
    this.#options.ties?.onEnforcing?.(isOn);
    if (isOn) return;
    for (const instruction of [...this.dispatch.open()])
      if (!instruction.isByHand && instruction.status === "accepted")
        this.dispatch.withhold(instruction);
  }

  /** Keeps one timer of the clock at the engine's next due instant. */
  #planEngine(): void {
    const dueUs = Math.min(this.engine.nextDueUs, this.#heldBack?.nextDueUs ?? Infinity);
    if (dueUs === this.#engineDueUs || this.#isStopped) return;
    this.#engineTimer?.cancel();
    this.#engineTimer = undefined;
    this.#engineDueUs = dueUs;
    if (dueUs === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#options;
    this.#engineTimer = clock.schedule(Math.max(0, dueUs - clock.nowUs()), () => {
      this.#engineDueUs = Number.POSITIVE_INFINITY;
      const nowUs = clock.nowUs();
      this.sessions.beginApply(Number.NaN, nowUs, 0);
      this.#heldBack?.release(nowUs);
      this.told.advance(nowUs);
      this.sessions.endTurn();
    });
  }

  /** True while something is sent and not ended, or ready to be sent. */
  #isUnderWay(): boolean {
    if (this.scheduler.size > 0) return true;
    for (const instruction of this.dispatch.open())
      if (instruction.status === "sent" || instruction.status === "received") return true;
    return false;
  }
}
