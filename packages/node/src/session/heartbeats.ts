/**
 * Watches how sessions are doing: pings them, tells the age of each agent's heartbeat, and ends what is
 * dead or was away for too long.
 *
 * Invariants
 * 1. Each agent is looked at four times a heartbeat interval, so that one that hangs is noticed within two.
 * 2. A look at many agents yields to other work after a bounded number of them.
 * 3. Time in which the node itself did not run, or did not read from a connection, does not count as silence.
 */
import type { ReadonlyFew } from "../few/index.ts";
import type { Clock, Timer } from "@myelin/core/clock";
import type { PartName } from "@myelin/core/ids";
import type { Agent, Registry } from "../registry/index.ts";
import type { PartSession } from "./part-session.ts";
import type { SessionTable } from "./session-table.ts";
import type { SessionSettings } from "./settings.ts";

export interface HeartbeatsOptions {
  readonly clock: Clock;
  readonly settings: SessionSettings;
  readonly table: SessionTable;
  readonly registry: Pick<Registry, "heard">;
  /** Agents are about to be looked at. */
  readonly onBegin: (nowUs: number) => void;
  /** The worst silence of an agent's running parts, in seconds. */
  readonly onAge: (agent: Agent, ageSeconds: number, nowUs: number) => void;
  /** Nothing was heard for so long that the connection counts as broken. */
  readonly onDead: (session: PartSession) => void;
  /** The resume window of a session has passed. */
  readonly onExpired: (session: PartSession) => void;
  /** As many agents as one turn may have were looked at. */
  readonly onEnd: () => void;
}

const looksPerInterval = 4;
/** A ping is a write: so many take some 300 µs, and what agents say comes in between. */
const agentsPerTurn = 32;
/** A young session is pinged at every look, so that the estimate of its clock is soon a good one. */
const youngSessionUs = 2_000_000;

export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  readonly #lookEveryUs: number;
  /** The look that is under way. */
  #agents: IterableIterator<ReadonlyFew<PartName, PartSession>> | undefined;
  #dueUs = 0;
  /** What this look is late by, if that is so much that the node cannot have been running. */
  #missedUs = 0;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
    this.#lookEveryUs = options.settings.heartbeatIntervalUs / looksPerInterval;
  }

  start(): void {
    this.#plan(this.#options.clock.nowUs() + this.#lookEveryUs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #plan(dueUs: number): void {
    const { clock } = this.#options;
    this.#dueUs = dueUs;
    this.#timer = clock.schedule(Math.max(0, dueUs - clock.nowUs()), () => this.#look());
  }

  #look(): void {
    const { clock, table } = this.#options;
    const lateUs = clock.nowUs() - this.#dueUs;
    this.#missedUs = lateUs > this.#lookEveryUs ? lateUs : 0;
    if (this.#missedUs > 0) this.#dueUs += lateUs;
    this.#agents = table.agents();
    this.#continue();
  }

  #continue(): void {
    const { clock, onBegin, onEnd } = this.#options;
    const agents = this.#agents;
    if (this.#isStopped || agents === undefined) return;
    const nowUs = clock.nowUs();
    onBegin(nowUs);
    let isDone = false;
    for (let count = 0; count < agentsPerTurn && !isDone; count++) {
      const next = agents.next();
      if (next.done === true) isDone = true;
      else this.#watchAgent(next.value, nowUs);
    }
    onEnd();
    if (isDone) this.#plan(this.#dueUs + this.#lookEveryUs);
    else clock.defer(() => this.#continue());
  }

  #watchAgent(parts: ReadonlyFew<PartName, PartSession>, nowUs: number): void {
    const { registry, onAge } = this.#options;
    let silenceUs = 0;
    let agent: Agent | undefined;
    for (const session of parts.values()) {
      agent = session.agent;
      this.#hear(session, nowUs);
      registry.heard(agent, session.part, session.lastHeardUs);
      if (session.part.hold === "running")
        silenceUs = Math.max(silenceUs, session.silenceUs(nowUs));
      this.#watch(session, nowUs);
    }
    // Whether the agent is still there is told by its slot: the last part may just have expired.
    if (agent?.slot !== undefined) onAge(agent, silenceUs / 1e6, nowUs);
  }

  /** Counts as heard what could not be heard because of the node. */
  #hear(session: PartSession, nowUs: number): void {
    const { state } = session;
    const missedUs = this.#missedUs;
    if (state.kind === "live" && (state.carrier.isHeldUp || state.carrier.isByHand))
      session.lastHeardUs = nowUs;
    if (missedUs === 0) return;
    session.lastHeardUs = Math.min(nowUs, session.lastHeardUs + missedUs);
    if (state.kind === "away")
      session.setState({ kind: "away", sinceUs: Math.min(nowUs, state.sinceUs + missedUs) });
  }

  #watch(session: PartSession, nowUs: number): void {
    const { settings, onDead, onExpired } = this.#options;
    const { state } = session;
    if (state.kind === "away") {
      if (nowUs - state.sinceUs >= settings.resumeWindowUs) onExpired(session);
      return;
    }
    if (state.kind !== "live") return;
    if (state.carrier.isByHand) return;
    const isHeld = session.part.hold !== "running";
    if (!isHeld && session.silenceUs(nowUs) >= settings.deadConnectionUs) {
      onDead(session);
      return;
    }
    const isYoung = nowUs - session.joinedAtUs < youngSessionUs;
    const sincePingUs = nowUs - session.lastPingUs;
    if (isYoung || sincePingUs >= settings.heartbeatIntervalUs * 0.9) session.sendPing(nowUs);
  }
}
