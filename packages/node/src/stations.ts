/**
 * The stations of an arc: each with what it takes of the node's options, and its way to the others,
 * which are there when it is first called.
 */
import { MyelinError } from "@myelin/core/errors";
import type { OverloadLevel } from "@myelin/core/schedule";
import type { ArcOptions } from "./arc-options.ts";
import {
  ByHand,
  Dispatch,
  type DispatchOptions,
  Reports,
  type ReportsOptions,
} from "./dispatch/index.ts";
import { Engine, type EngineHooks } from "./engine/index.ts";
import { EpisodeJournal, type EpisodeJournalOptions } from "./episodes/index.ts";
import { HistoryJournal } from "./history/index.ts";
import { HeldBack, type IngestCounters } from "./ingest/index.ts";
import type { Instruction } from "./instruction/index.ts";
import { Ledger } from "./ledger/index.ts";
import { Recorder, type Told } from "./recording/index.ts";
import { Registry, type RegistryOptions } from "./registry/index.ts";
import type { RuleBook } from "./rules/index.ts";
import { Overload, Scheduler } from "./scheduler/index.ts";
import type { SessionStation } from "./session/index.ts";
import type { Watch } from "./watch/index.ts";

/** The stations as they see each other. */
export interface Stations {
  readonly engine: Engine;
  readonly told: Told;
  readonly registry: Registry;
  readonly watch: Watch;
  readonly sessions: SessionStation;
  readonly ledger: Ledger;
  readonly dispatch: Dispatch;
  readonly scheduler: Scheduler;
  readonly byHand: ByHand;
  readonly rules: RuleBook;
}

/** Before any instant. */
const nothing = Number.NEGATIVE_INFINITY;

/** Tells of a write that failed. */
export function storeErrorsOf({ onNotice }: ArcOptions): (error: MyelinError) => void {
  return (error) => onNotice({ kind: "store-error", error });
}

export function makeEngine(
  { settings, onNotice, ties }: ArcOptions,
  hooks: Pick<EngineHooks, "onEpisodeEnd" | "onFiring" | "onPendingChange">,
): Engine {
  return new Engine({
    maxAgents: settings.maxPresentAgents,
    maxMetrics: settings.maxMetrics,
    futureToleranceUs: settings.futureToleranceUs,
    hasOtherLanes: ties !== undefined,
    windowSamples: settings.windowSamples,
    staleAfterUs: settings.staleAfterUs,
    hooks: {
      ...hooks,
      onBreaker: (rule, isOpen) => {
        const kind = isOpen ? "breaker-opened" : "breaker-closed";
        onNotice({ kind, over: `rule ${rule}` });
      },
      ...(ties?.onCounted === undefined ? {} : { onCounted: ties.onCounted }),
      ...(ties?.onSamplingInterval === undefined
        ? {}
        : { onSamplingInterval: ties.onSamplingInterval }),
    },
  });
}

/** Undefined where nothing records what the engine is told. */
export function makeRecorder(options: ArcOptions): Recorder | undefined {
  const { clock, recording } = options;
  return recording && new Recorder({ clock, ...recording, onStoreError: storeErrorsOf(options) });
}

/** Undefined where no sample waits for older ones. */
export function makeHeldBack(
  { settings }: ArcOptions,
  { engine }: Stations,
  recorder: Recorder | undefined,
  counters: IngestCounters,
): HeldBack | undefined {
  const { latenessUs, maxHeldSamples: maxSamples } = settings;
  if (latenessUs <= 0) return undefined;
  const onTaken: Engine["apply"] | undefined =
    recorder && ((...taken) => recorder.samples(...taken));
  return new HeldBack({ engine, latenessUs, maxSamples, counters, onTaken });
}

export function makeRegistry(
  options: ArcOptions,
  { told }: Stations,
  onForgotten: RegistryOptions["onForgotten"],
): Registry {
  const { clock, store, settings } = options;
  return new Registry({
    clock,
    store,
    slots: told,
    maxAgents: settings.maxAgents,
    maxParts: settings.maxParts,
    onStoreError: storeErrorsOf(options),
    onForgotten,
  });
}

export function makeLedger({ clock, store, settings }: ArcOptions, stations: Stations): Ledger {
  return new Ledger({
    clock,
    store,
    groupDelayUs: settings.ledgerGroupDelayUs,
    slaUsOf: (rule) => stations.rules.get(rule)?.plan.slaUs,
  });
}

/** `appliedUntilUs` tells how far a former run had applied what an agent sent. */
export function makeEpisodes(
  options: ArcOptions,
  stations: Stations,
  appliedUntilUs: EpisodeJournalOptions["appliedUntilUs"],
): EpisodeJournal {
  const { clock, store, settings, sessionSettings } = options;
  return new EpisodeJournal({
    clock,
    store,
    onStoreError: storeErrorsOf(options),
    maxEpisodes: settings.maxEpisodes,
    windowUs: sessionSettings.resumeWindowUs,
    cooldownUsOf: (rule) => stations.rules.get(rule)?.plan.cooldownUs ?? 0,
    appliedUntilUs,
    takePendingChanges: () => stations.engine.takePendingChanges(),
  });
}

/** Undefined where nothing keeps what rules read of the past. */
export function makeHistory(
  options: ArcOptions,
  { engine, registry, sessions, episodes }: Stations & { readonly episodes: EpisodeJournal },
): HistoryJournal | undefined {
  const { clock, historyLog, settings, sessionSettings, onNotice } = options;
  if (historyLog === undefined) return undefined;
  return new HistoryJournal({
    clock,
    engine,
    log: historyLog,
    leastBytes: settings.leastHistoryBytes,
    windowUs: sessionSettings.resumeWindowUs,
    partTime: (slot, index) => {
      const agent = registry.bySlot(slot);
      const line = engine.timeLine(slot, index);
      for (const { part, intake } of agent === undefined ? [] : sessions.of(agent).values())
        if (part.index === index)
          return {
            samplesUs: intake.timeLine === line ? intake.newestUs : nothing,
            eventsUs: intake.newestEventUs,
          };
      return { samplesUs: nothing, eventsUs: nothing };
    },
    decisionsKept: async () => {
      if (await episodes.flush()) return;
      const message = "what rules decided could not be written, nor so what windows hold";
      throw new MyelinError("STORAGE_UNAVAILABLE", message);
    },
    onLost: (message) => onNotice({ kind: "windows-lost", message }),
    onStoreError: storeErrorsOf(options),
  });
}

/** `episodes` keeps what was decided for the node's next start, and hears of what was sent. */
export function makeDispatch(
  options: ArcOptions,
  stations: Stations,
  episodes: DispatchOptions["episodes"] & { sent(instruction: Instruction): void },
): Dispatch {
  const { clock, store, settings, sessionSettings, onNotice } = options;
  const { registry, sessions, ledger, told, watch } = stations;
  return new Dispatch(
    {
      clock,
      store,
      agents: registry,
      sessions,
      ledger,
      episodes: { keep: (instruction) => episodes.keep(instruction) },
      rules: told,
      flush: () => sessions.endTurn(),
      onStoreError: storeErrorsOf(options),
      maxOutstanding: sessionSettings.maxOutstanding,
      maxWaiting: settings.maxWaiting,
      delayBelow: settings.delayBelowPercent / 100,
      ageingUs: settings.ageingUs,
      maxOpen: settings.maxOpenInstructions,
      breaker: { failuresToOpen: settings.breakerFailures, openForUs: settings.breakerOpenUs },
      graceUs: settings.answerGraceUs,
      resendAfterUs: settings.resendAfterUs,
      onProgress: (instruction) => {
        if (instruction.status === "sent") episodes.sent(instruction);
        watch.instruction(instruction);
      },
      onOver: options.onInstructionOver,
      onTold: (instruction, document) => {
        watch.ended(instruction, document);
        stations.byHand.told(instruction);
      },
      onEnded: (instruction, document) => {
        stations.scheduler.ended(instruction, {
          isExecuted: document.status === "executed",
          isViolated: document.withinSla === false,
        });
        onNotice({ kind: "instruction-ended", document });
      },
      onBreakerOpen: (agent, part) =>
        onNotice({ kind: "breaker-opened", over: `part ${part} of agent ${agent}` }),
    },
    () => stations.scheduler,
  );
}

export function makeScheduler(
  { clock, settings }: ArcOptions,
  { dispatch, sessions }: Stations,
): Scheduler {
  return new Scheduler({
    clock,
    capacity: settings.maxQueued,
    overloadCapacity: settings.maxQueuedOverloaded,
    turnBudgetBytes: settings.turnBudgetBytes,
    delayBelow: settings.delayBelowPercent / 100,
    ageingUs: settings.ageingUs,
    maxDelayUs: settings.maxDelayUs,
    weightsEvery: settings.weightsEvery,
    deliver: (instruction) => dispatch.deliver(instruction),
    onShed: (instruction) => dispatch.shed(instruction),
    onTurnEnd: () => sessions.flush(),
  });
}

/** Undefined where nothing measures what the node uses. */
export function makeOverload(
  { clock, resources, settings, onNotice }: ArcOptions,
  { sessions }: Stations,
  relieve: (level: OverloadLevel) => void,
): Overload | undefined {
  if (resources === undefined) return undefined;
  return new Overload({
    clock,
    resources,
    settings,
    outboundBytes: () => sessions.outboundBytes,
    bulkUs: () => sessions.bulkUs,
    onLevel: (level, load) => {
      relieve(level);
      onNotice({ kind: "overload", level, load });
    },
  });
}

export function makeByHand(
  { clock, random, store, settings }: ArcOptions,
  { dispatch, sessions }: Stations,
): ByHand {
  return new ByHand({
    clock,
    random,
    store,
    dispatch,
    sessions,
    maxOpen: settings.maxOpenInstructions,
    flush: () => sessions.endTurn(),
  });
}

export function makeReports(
  options: ArcOptions,
  stations: Stations,
  episodes: Omit<ReportsOptions["episodes"], "instructionEnded">,
): Reports {
  const { clock, store } = options;
  const { dispatch, told, sessions } = stations;
  return new Reports({
    clock,
    store,
    onStoreError: storeErrorsOf(options),
    dispatch,
    episodes: {
      ...episodes,
      instructionEnded: (...args) => told.instructionEnded(...args),
    },
    timeoutUsOf: (rule) => stations.rules.get(rule)?.plan.timeoutUs,
    flush: () => sessions.endTurn(),
  });
}
