/**
 * What agents tell in their hello of instructions that they were given, after the connection or the node was gone.
 *
 * Invariants
 * 1. An episode that an agent tells of, and that this run of the node did not decide, is reinstated before
 *    anything else of that agent is heard: it never acts twice.
 * 2. An instruction that the ledger has already is not accounted again; until that is known what is told of it waits.
 *    Its agent may forget it when the episode, too, is on disk. One that it has as held back did not go then, but later.
 * 3. An agent can only tell of its own: the id must be that of the episode with this agent. At most `maxChecking`
 *    are looked up at once; of what is beyond, an outcome is told again by the agent's next hello, and what still
 *    runs is taken up unasked (if the ledger had it, its account takes the place of the earlier one).
 * 4. What an earlier life of the part may have done does not end as if it had not begun. Of what an earlier run of the
 *    node decided that may be all that can be done again, for such alone is given to another life.
 */
import { MyelinError } from "@myelin/core/errors";
import {
  type ActionName,
  type EpisodeKey,
  type InstructionId,
  instructionIdOf,
  parseRuleName,
  type RuleName,
} from "@myelin/core/ids";
import { mayTryAgain, parseTime } from "@myelin/core/instruction";
import type { Acknowledgement, Episode } from "@myelin/core/wire";
import type { Instruction } from "../instruction/index.ts";
import type { LedgerEntry, Store } from "../ports/store.ts";
import type { Part } from "../registry/index.ts";
import type { Dispatch, RuleFeedback } from "./dispatch.ts";
import type { DeliverySession } from "./recipient.ts";
import type { EpisodeKeeper } from "./settler.ts";
import { instructionOfReport } from "./sources.ts";

/** Where episodes are reinstated: the engine, seen from here. */
export interface Episodes extends RuleFeedback {
  reinstate(slot: number, episode: ToldEpisode, end?: EpisodeEnd): boolean;
}

/** An episode as an agent tells of it. */
export interface ToldEpisode extends EpisodeKey {
  readonly ruleVersion: number;
  /** Newest sample of the time line that was applied when it was decided, on its part's clock; 0 for none. */
  readonly appliedUntilUs: number;
}

interface EpisodeEnd {
  readonly succeeded: boolean;
  readonly endedAtUs: number;
}

export interface ReportsOptions {
  readonly clock: { nowUs(): number };
  readonly dispatch: Dispatch;
  readonly store: Pick<Store, "ledgerById">;
  readonly episodes: Episodes & EpisodeKeeper;
  /** How long an instruction of a rule may run; undefined for a rule that is not in force. */
  readonly timeoutUsOf: (rule: RuleName) => number | undefined;
  /** Writes what sessions have queued. */
  readonly flush: () => void;
  readonly onStoreError: (error: MyelinError) => void;
}

/** One that is looked up in the ledger; answers that come meanwhile wait. */
interface Check {
  readonly lost: Instruction;
  readonly key: ToldEpisode;
  /** The latest that was told, and in which session. */
  told: { readonly session: DeliverySession; readonly report: Acknowledgement };
}

const maxChecking = 10_000;
const maxTimeLineLength = 1024;
/** How long the node waits for the outcome of an instruction of a rule that is gone. */
const unknownTimeoutUs = 24 * 3600e6;

export class Reports {
  readonly #options: ReportsOptions;
  readonly #checks = new Map<InstructionId, Check>();

  constructor(options: ReportsOptions) {
    this.#options = options;
  }

  /** Takes what a hello tells of recent instructions. */
  take(session: DeliverySession, reports: readonly Acknowledgement[]): void {
    for (const report of reports) {
      if (!this.#defer(session, report)) this.#takeOne(session, report);
    }
  }

  /** Takes an acknowledgement; those of instructions that are being looked up wait. */
  acknowledge(session: DeliverySession, acknowledgement: Acknowledgement): void {
    if (this.#checks.size > 0 && this.#defer(session, acknowledgement)) return;
    this.#options.dispatch.acknowledge(session, acknowledgement);
  }

  #takeOne(session: DeliverySession, report: Acknowledgement): void {
    const { dispatch } = this.#options;
    const id = report.instructionId as InstructionId;
    const key = dispatch.find(id) === undefined ? this.#keyOf(session, report) : undefined;
    if (key === undefined) {
      dispatch.acknowledge(session, report);
      return;
    }
    if (!dispatch.hasDecided(id)) this.#reinstate(session, key, report);
    const isEnding = report.status !== "received";
    const isFull = this.#checks.size >= maxChecking;
    if (isFull && isEnding) return;
    const nowUs = this.#options.clock.nowUs();
    const timeoutUs = this.#options.timeoutUsOf(key.rule) ?? unknownTimeoutUs;
    const isOutlived = dispatch.hasDecided(id)
      ? dispatch.wasOutlived(id)
      : mayBeDoneAgain(session.part, report.action as ActionName);
    const known = { report, episode: key, timeoutUs, isOutlived, nowUs };
    const lost = instructionOfReport(session, known);
    if (isFull) {
      dispatch.restore(lost);
      return;
    }
    const check: Check = { lost, key, told: { session, report } };
    this.#checks.set(id, check);
    void this.#lookUp(id).then((entry) =>
      entry === undefined || neverWent(entry)
        ? this.#isLost(check)
        : this.#isAccounted(check, entry),
    );
  }

  /** True when the instruction is being looked up; the report is kept until then. */
  #defer(session: DeliverySession, report: Acknowledgement): boolean {
    const check = this.#checks.get(report.instructionId as InstructionId);
    if (check === undefined || check.lost.agent !== session.agent.id) return false;
    if (report.status !== "received" || check.told.report.status === "received")
      check.told = { session, report };
    return true;
  }

  #reinstate(session: DeliverySession, key: ToldEpisode, report: Acknowledgement): void {
    const { slot } = session.agent;
    if (slot === undefined) return;
    if (report.status === "received") this.#options.episodes.reinstate(slot, key);
    else {
      const nowUs = this.#options.clock.nowUs();
      const mappedUs = session.toNodeTimeUs(report.endedAtUs);
      const endedAtUs = mappedUs >= 0 && mappedUs <= nowUs ? mappedUs : nowUs;
      const succeeded = !mayTryAgain(report.status);
      this.#options.episodes.reinstate(slot, key, { succeeded, endedAtUs });
    }
  }

  async #lookUp(id: InstructionId): Promise<LedgerEntry | undefined> {
    const { store, onStoreError } = this.#options;
    try {
      return await store.ledgerById(id);
    } catch (error) {
      onStoreError(MyelinError.from(error));
      return undefined;
    }
  }

  #isLost({ lost, told: { session, report } }: Check): void {
    const { dispatch, flush } = this.#options;
    this.#checks.delete(lost.id);
    dispatch.restore(lost, { isEnding: report.status !== "received" });
    dispatch.acknowledge(session, report);
    flush();
  }

  /** The ledger knew the end; what is told meanwhile goes on waiting until its episode is kept as well. */
  async #isAccounted(check: Check, entry: LedgerEntry): Promise<void> {
    const { dispatch, episodes, flush } = this.#options;
    const { lost, key, told } = check;
    this.#tellEnd(told.session, key, entry);
    const { document } = entry;
    lost.status = document.status;
    lost.endedAtUs = parseTime(document.endedAt ?? document.createdAt);
    const isKept = await episodes.keep(lost);
    this.#checks.delete(lost.id);
    // What is not settled is told again by the agent's next hello.
    if (!isKept) return;
    dispatch.kept(lost.id);
    dispatch.acknowledge(check.told.session, check.told.report);
    flush();
  }

  /** The ledger knew the end: the engine waits for it no longer. */
  #tellEnd(session: DeliverySession, key: ToldEpisode, { document }: LedgerEntry): void {
    const { slot } = session.agent;
    if (slot === undefined) return;
    this.#options.episodes.instructionEnded(key.rule, slot, {
      succeeded: !mayTryAgain(document.status),
      endedAtUs: parseTime(document.endedAt ?? document.createdAt),
      attempt: key.attempt,
      startedAtUs: key.startedAtUs,
    });
  }

  /** The episode that a report bears, when it is one of this agent and its id is the episode's. */
  #keyOf({ agent }: DeliverySession, report: Acknowledgement): ToldEpisode | undefined {
    const { episode } = report;
    if (episode === undefined || !isWellFormed(episode)) return undefined;
    const key = { ...episode, rule: parseRuleName(episode.rule), agent: agent.id };
    return instructionIdOf(key) === report.instructionId ? key : undefined;
  }
}

/**
 * True when a former run had accounted it as held back, and the agent has it all the same: the episode was not on disk
 * when that run was killed, and the next one decided again, without what had held it back. The agent's word counts.
 */
function neverWent({ document: { status, stagesUs } }: LedgerEntry): boolean {
  return (status === "rejected" || status === "canceled") && stagesUs.dispatch === null;
}

function mayBeDoneAgain({ actions, actionsFollow }: Part, action: ActionName): boolean {
  return actionsFollow || actions.get(action)?.isIdempotent === true;
}

function isWellFormed({ timeLine, startedAtUs, attempt }: Episode): boolean {
  return (
    timeLine.length <= maxTimeLineLength &&
    Number.isSafeInteger(startedAtUs) &&
    startedAtUs >= 0 &&
    attempt >= 1 &&
    attempt <= 10
  );
}
