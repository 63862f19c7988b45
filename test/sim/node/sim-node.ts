/**
 * The node of the run: the real arc over a disk in memory that outlives its runs.
 *
 * Invariants
 * 1. At most one run is alive. What a killed run had not synced is lost, and its calls are never answered.
 * 2. A run answers calls and takes channels only once it has started.
 */
import type { Clock } from "@myelin/core/clock";
import type { MyelinError } from "@myelin/core/errors";
import { isEnded } from "@myelin/core/instruction";
import { seededRandom } from "@myelin/core/random";
import { Access } from "../../../packages/node/src/access/index.ts";
import {
  createMemoryStore,
  type MemoryDisk,
  type MemoryStore,
} from "../../../packages/node/src/adapters/memory-store/index.ts";
import {
  createMemoryLogDisk,
  MemoryLog,
  type MemoryLogDisk,
} from "../../../packages/node/src/adapters/memory-log/index.ts";
import { idleLoad } from "../../../packages/node/src/api/index.ts";
import { Arc, type Notice } from "../../../packages/node/src/arc.ts";
import { createArcApi } from "../../../packages/node/src/arc-api.ts";
import type { HttpHandler, HttpResponse } from "../../../packages/node/src/ports/transport.ts";
import {
  defaultSessionSettings,
  type SessionSettings,
} from "../../../packages/node/src/session/index.ts";
import { type ArcSettings, defaultArcSettings } from "../../../packages/node/src/settings.ts";
import type { Judge } from "../checks/judge.ts";
import type { Departure, Network } from "../network/network.ts";
import { hearWindows } from "./hearing.ts";
import { Presence } from "./presence.ts";
import type { Scenario } from "../scenario.ts";
import { diceOf } from "../world/dice.ts";
import { SimProcess } from "../world/process.ts";
import type { Trace } from "../world/trace.ts";

/** One life of the node. */
export interface NodeRun {
  readonly number: number;
  /** Instructions that were open on disk when it started: they come on top of what it may take. */
  readonly restored: number;
  readonly process: SimProcess;
  readonly arc: Arc;
  readonly store: MemoryStore;
  /** Undefined in a run without windows. */
  readonly log: MemoryLog | undefined;
  readonly api: HttpHandler;
}

/** What the node lives in. */
export interface NodeSurroundings {
  /** True time, which is the node's. */
  readonly clock: Clock;
  /** What outlives the runs. */
  readonly disk: MemoryDisk;
  readonly network: Network;
  readonly judge: Judge;
  readonly trace: Trace;
  readonly scenario: Scenario;
}

const peer = { transport: "memory", address: "sim", isLoopback: true } as const;

export class SimNode {
  readonly disk: MemoryDisk;
  /** On the same disk, what windows hold. */
  readonly logDisk: MemoryLogDisk;
  readonly settings: ArcSettings;
  readonly #around: NodeSurroundings;
  #run: NodeRun | undefined;
  #isServing = false;
  /** True when it is to start again as soon as the present run has drained. */
  #isStartDue = false;
  /** When each part was last attached to the present run, by its name. */
  readonly attachedAtUs: Map<string, number> = new Map();
  readonly presence: Presence = new Presence();
  #runs = 0;

  constructor(around: NodeSurroundings) {
    this.#around = around;
    const { scenario, disk } = around;
    this.disk = disk;
    this.disk.syncDelayUs = scenario.syncDelayUs;
    this.disk.maxWaitingEntries = scenario.maxWaitingEntries;
    this.logDisk = logDiskOn(disk);
    this.settings = {
      ...defaultArcSettings,
      maxAgents: Math.max(64, scenario.agents + 1),
      maxPresentAgents: Math.max(64, scenario.agents + 1),
      maxMetrics: 64,
      maxOpenInstructions: scenario.maxOpenInstructions,
      maxQueued: scenario.maxQueued,
      maxWaiting: scenario.maxWaiting,
      breakerFailures: scenario.breakerFailures,
      ...scenario.windows,
      breakerOpenUs: 2_000_000,
      ...settingsOf(scenario),
    };
  }

  /** The run that serves; undefined while there is none. */
  get serving(): NodeRun | undefined {
    return this.#isServing ? this.#run : undefined;
  }

  /** The process of the present run, serving or not. */
  get process(): SimProcess | undefined {
    return this.#run?.process;
  }

  /** Starts a run, once there is none that serves. */
  start(): void {
    this.#isStartDue = this.#run?.arc.isDraining === true;
    if (this.#run !== undefined) return;
    const run = this.#newRun();
    this.#run = run;
    this.#around.trace.note("node", `starts, run ${run.number}`);
    run.process.enter(() => {
      void run.arc.start().then(
        () => this.#serve(run),
        (error: unknown) => this.#around.judge.breach("a node starts", String(error)),
      );
    });
  }

  /** Kills the run, as `kill -9` does. */
  kill(departure: Departure): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#around.trace.note("node", `dies (${departure})`);
    this.#end(run, departure);
  }

  /** Calls `crash`, which kills the node, before its `count`th write from now; undefined calls that off. */
  crashAtWrite(count: number | undefined, crash: () => void = () => undefined): void {
    let left = count ?? 0;
    this.disk.onWrite =
      count === undefined
        ? undefined
        : () => {
            if (--left > 0) return;
            this.disk.onWrite = undefined;
            crash();
          };
  }

  /** Drains the run, then ends it. */
  drain(boundUs: number): void {
    const run = this.serving;
    if (run === undefined || run.process.isHeld || run.arc.isDraining) return;
    this.#around.trace.note("node", "drains");
    run.process.enter(() => {
      void run.arc
        .drain(boundUs)
        .then(() => {
          this.#around.network.listen(undefined);
          return run.store.close();
        })
        .then(() => {
          if (this.#run === run) this.#end(run, "close", true);
        });
    });
  }

  /** Calls the API of the run that serves; undefined when nobody answers the call. */
  call(method: string, path: string, body?: unknown): Promise<HttpResponse> | undefined {
    const run = this.serving;
    if (run === undefined || run.process.isHeld) return undefined;
    const url = new URL(path, "http://node");
    const bytes = typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body);
    return run.api({
      method,
      path: url.pathname,
      query: url.searchParams,
      headers: {},
      body: new TextEncoder().encode(bytes),
      remoteAddress: "127.0.0.1",
      isLoopback: true,
      signal: new AbortController().signal,
    });
  }

  #serve(run: NodeRun): void {
    if (this.#run !== run) return;
    const { network, trace, clock, scenario, judge } = this.#around;
    clock.schedule(scenario.resumeWindowUs, () => {
      if (this.#run !== run) return;
      for (const agent of this.presence.windowPassed(clock.nowUs()))
        judge.windows.left(agent, run.number, clock.nowUs());
    });
    this.#isServing = true;
    trace.note("node", "serves");
    network.listen({
      process: run.process,
      accept: (channel) => run.arc.accept(channel, peer),
    });
  }

  #end(run: NodeRun, departure: Departure, isDrained = false): void {
    const { network, judge, clock } = this.#around;
    run.process.kill();
    run.store.crash();
    this.#crashLog(run);
    judge.windows.runEnded(run.number, clock.nowUs(), !isDrained);
    network.listen(undefined);
    network.depart(run.process, "node", departure);
    judge.runEnded(run.number, run.arc.ledger);
    this.#run = undefined;
    this.#isServing = false;
    if (this.#isStartDue) this.start();
  }

  /** Of what was under way to the log some is on the disk all the same, and the next entry may be torn. */
  #crashLog({ log, number }: NodeRun): void {
    const dice = diceOf(this.#around.scenario.seed, `log of run ${number}`);
    log?.crash(dice.integer(0, log?.underWay ?? 0), dice.chance(0.5));
  }

  #newRun(): NodeRun {
    const { clock, judge, scenario } = this.#around;
    const number = ++this.#runs;
    const process = new SimProcess("node", clock, (_, error) =>
      judge.breach(
        "the node does not throw",
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      ),
    );
    const store = createMemoryStore({ clock: process.clock, disk: this.disk });
    this.#watchLedger(store);
    const log = this.#newLog(process.clock);
    const access = new Access({ tokens: undefined, hosts: [] });
    const arc: Arc = new Arc({
      clock: process.clock,
      store,
      ...(log === undefined ? {} : { historyLog: log }),
      access,
      random: seededRandom(scenario.seed * 1000 + number),
      node: { id: "node", tier: "edge", version: "0" },
      sessionSettings: {
        ...defaultSessionSettings,
        maxOutstanding: scenario.maxOutstanding,
        heartbeatIntervalUs: scenario.heartbeatIntervalUs,
        resumeWindowUs: scenario.resumeWindowUs,
        ...sessionSettingsOf(scenario),
      },
      settings: this.settings,
      onNotice: (notice) => this.#onNotice(number, notice, arc.isDraining),
    });
    this.attachedAtUs.clear();
    this.#listen(arc, number);
    this.#watchFirings(arc, number);
    this.#watchPresence(arc, number);
    if (log !== undefined) hearWindows(arc, number, clock, judge);
    const kept = [...this.disk.instructions.values()];
    const restored = kept.filter(({ status }) => !isEnded(status)).length;
    return {
      number,
      restored,
      process,
      arc,
      store,
      log,
      api: apiOf(arc, store, access, process.clock),
    };
  }

  /** Segments are so short that there are some when the log is made anew. */
  #newLog(clock: Clock): MemoryLog | undefined {
    const { windows } = this.#around.scenario;
    if (windows === undefined) return undefined;
    const segmentBytes = windows.leastHistoryBytes / 4;
    return new MemoryLog({ disk: this.logDisk, clock, segmentBytes });
  }

  /** Notes what the ledger had no room for. */
  #watchLedger(store: MemoryStore): void {
    const append = store.appendLedger.bind(store);
    store.appendLedger = async (entries) => {
      const isWritten = await append(entries);
      // An earlier run may have accounted the same id.
      for (const { document } of isWritten ? [] : entries)
        if (this.disk.ledger.get(document.id)?.entry.document.endedAt !== document.endedAt)
          this.#around.judge.records.of(document.id).isDropped = true;
      return isWritten;
    };
  }

  #watchPresence({ engine, registry }: Arc, run: number): void {
    const { presence } = this;
    const { clock, judge } = this.#around;
    presence.began();
    const join = engine.join.bind(engine);
    engine.join = (attributes, atUs) => {
      presence.joined(attributes.id);
      return join(attributes, atUs);
    };
    const leave = engine.leave.bind(engine);
    engine.leave = (slot, atUs) => {
      const agent = registry.bySlot(slot);
      if (agent !== undefined) {
        presence.left(agent.id, clock.nowUs());
        judge.windows.left(agent.id, run, clock.nowUs());
        judge.firings.begunAnew(`${agent.id}/app`);
      }
      leave(slot, atUs);
    };
  }

  /** Tells the judge of each report that the engine is given. */
  #listen({ engine, registry }: Arc, run: number): void {
    const { judge, clock } = this.#around;
    const runBeganAtUs = clock.nowUs();
    const numbers = new Map(
      ["app", "supervisor"].map((part) => [engine.metric(`reports_${part}`), part]),
    );
    const apply = engine.apply.bind(engine);
    engine.apply = (...given) => {
      const [slot, , count, metrics, values, timesUs] = given;
      for (let at = 0; at < count; at++) {
        const part = numbers.get(metrics[at] ?? -1);
        if (part === undefined) continue;
        const agent = registry.bySlot(slot);
        const report = { number: values[at] ?? 0, timeUs: timesUs[at] ?? 0, atUs: clock.nowUs() };
        judge.telemetry.heard(`${agent?.id}/${part}`, { ...report, runBeganAtUs }, judge);
        judge.firings.applied(`${agent?.id}/${part}`, { ...report, run });
      }
      apply(...given);
    };
  }

  /** Tells the judge what rules decide. */
  #watchFirings({ dispatch }: Arc, run: number): void {
    const { judge } = this.#around;
    const fire = dispatch.fire.bind(dispatch);
    dispatch.fire = (firing, ...rest) => {
      const { id, agent, plan, args, episode, sampleTimeUs } = firing;
      const { attempt } = episode;
      const fired = { run, id, args, sampleTimeUs, attempt };
      judge.firings.fired(`${agent}/app`, plan.name, fired);
      if (plan.name === "tally") judge.windows.told(agent, fired, judge);
      fire(firing, ...rest);
    };
  }

  #onNotice(run: number, notice: Notice, isDraining: boolean): void {
    const { judge, trace } = this.#around;
    switch (notice.kind) {
      case "instruction-ended":
        judge.ended(run, notice.document, isDraining);
        return;
      case "store-error":
        trace.note("node", `store: ${codeOf(notice.error)}`);
        return;
      case "agent-attached":
        trace.note("node", `attached ${notice.agent}/${notice.part}`);
        this.attachedAtUs.set(`${notice.agent}/${notice.part}`, this.#around.clock.nowUs());
        return;
      case "agent-detached":
        trace.note("node", `detached ${notice.agent}/${notice.part}: ${notice.reason}`);
        return;
      case "breaker-opened":
        trace.note("node", `breaker over ${notice.over}`);
        return;
      case "agent-event":
      case "breaker-closed":
      case "enforcement":
      case "overload":
        trace.note("node", notice.kind);
        return;
      case "rule-unreadable":
        judge.breach("rules are kept", notice.message);
        return;
      case "windows-lost":
        if (!notice.message.includes("torn")) judge.breach("windows are kept", notice.message);
    }
  }
}

/** A log on the disk of the store: what befalls that, befalls it. */
function logDiskOn(disk: MemoryDisk): MemoryLogDisk {
  return Object.defineProperties(createMemoryLogDisk(), {
    isBroken: { get: () => disk.isBroken || disk.isFull },
    delayUs: { get: () => disk.syncDelayUs },
  });
}

/** What narrow bounds there are of the arc. */
function settingsOf({ narrow }: Scenario): Partial<ArcSettings> {
  if (narrow === undefined) return {};
  const { turnBudgetBytes, maxEpisodes } = narrow;
  return { turnBudgetBytes, maxEpisodes };
}

/** What narrow bounds there are of sessions. */
function sessionSettingsOf({ narrow }: Scenario): Partial<SessionSettings> {
  if (narrow === undefined) return {};
  const { turnBudgetBytes: _, maxEpisodes: _episodes, ...ofSessions } = narrow;
  return ofSessions;
}

function codeOf(error: MyelinError): string {
  return error.code;
}

function apiOf(arc: Arc, store: MemoryStore, access: Access, clock: Clock): HttpHandler {
  return createArcApi(arc, {
    clock,
    store,
    access,
    describeNode: () => ({}),
    metrics: () => Promise.resolve({ contentType: "text/plain", text: "" }),
    load: () => idleLoad,
    unreadiness: () => undefined,
  });
}
