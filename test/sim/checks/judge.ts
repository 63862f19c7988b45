/**
 * Hears all that happens and says what must not.
 *
 * Held while the run goes on:
 * 1. An incarnation begins an id once, and another incarnation begins it again only where the handler is idempotent.
 * 2. None begins after its deadline on true time, but for what the agent cannot know of the node's clock:
 *    half its round trip and the drift since, and a step of its own clocks that it takes for none.
 * 3. What callers gave one agent with one priority and action, to disk, begins in the order of its
 *    acceptance, unless the disk or the node failed meanwhile. (Another action may have another part, and so
 *    another way.)
 * 4. A run of the node ends an id once, and once more where its ledger had no room for the end. A later run ends it
 *    again only where the disk had not taken the first end: until then the node's word is lost with it.
 * 5. `executed` is what an agent executed; `expired`, `rejected` and `canceled` are what none began.
 * 6. An unknown outcome has a reason: a death, a trouble that kept the answer away, or a node that drains.
 * 7. A caller who asked for the disk is told of an end only once it is there.
 */
import type { Instruction } from "@myelin/agent";
import { type InstructionDocument, instructionStatuses, parseTime } from "@myelin/core/instruction";
import type { Ledger } from "../../../packages/node/src/ledger/index.ts";
import type { Trace } from "../world/trace.ts";
import { FiringRecords } from "./firings.ts";
import { type Performance, Records } from "./records.ts";
import { TelemetryRecords } from "./telemetry.ts";
import { clocksApart, slowness, Troubles } from "./troubles.ts";
import { WindowRecords } from "./windows.ts";

/** Drift of both clocks since the exchange that an agent's estimate rests on. */
const driftAllowanceUs = 10_000;
/** While its two clocks are less than a second apart an agent takes them for one: a second each way. */
const clocksApartUs = 2e6;
/** How far back a death or trouble may lie that explains an outcome: until it is noticed. */
const noticedWithinUs = 60e6;
const maxBreaches = 20;

/** What an agent's handler was called with. */
export interface Beginning {
  readonly part: string;
  readonly incarnation: string;
  /** Round trip that the agent's estimate of the node's clock rests on; undefined when it has none. */
  readonly rttUs: number | undefined;
  readonly instruction: Instruction;
  readonly isIdempotent: boolean;
}

/** What a call asked for, and its answer said. */
export interface Answer {
  readonly call: string;
  readonly durability: "disk" | "memory";
  readonly run: number;
  readonly documents: readonly InstructionDocument[];
}

export class Judge {
  readonly breaches: string[] = [];
  /** Settings whose bound was reached. */
  readonly atBounds: Set<string> = new Set();
  readonly records: Records = new Records();
  readonly troubles: Troubles = new Troubles();
  readonly telemetry: TelemetryRecords;
  readonly firings: FiringRecords = new FiringRecords();
  readonly windows: WindowRecords = new WindowRecords();
  readonly #broken = new Set<string>();
  readonly #nowUs: () => number;
  readonly #trace: Trace;
  readonly #isEndOnDisk: (id: string) => boolean;
  /** The last estimate of each part, for when a step of its clock has made it forget. */
  readonly #rttUs = new Map<string, number>();
  readonly #lastBegun = new Map<string, { readonly createdAtUs: number; readonly id: string }>();
  readonly #endsOfRun = new Map<number, number>();
  readonly #dead = new Set<string>();
  readonly #refused = new Set<string>();
  readonly #begunCalls = new Set<string>();
  /** Who waits for an instruction of a rule to begin. */
  #whenBegun: (() => void)[] = [];

  /** `isEndOnDisk` tells whether the end of an accepted instruction is on the node's disk. */
  constructor(nowUs: () => number, trace: Trace, isEndOnDisk: (id: string) => boolean) {
    this.#nowUs = nowUs;
    this.#isEndOnDisk = isEndOnDisk;
    this.telemetry = new TelemetryRecords(nowUs, (part, fromUs, untilUs) =>
      [part, "node"].some((who) => this.troubles.touches(slowness(who), fromUs, untilUs)),
    );
    this.#trace = trace;
  }

  /** Something happened that must not. */
  breach(rule: string, what: string): void {
    this.#trace.note("BREACH", `${rule}: ${what}`);
    this.#broken.add(rule);
    if (this.breaches.length < maxBreaches)
      this.breaches.push(`${this.#trace.at} ${rule}: ${what}`);
  }

  /** The rules that were broken. */
  get broken(): ReadonlySet<string> {
    return this.#broken;
  }

  /** An incarnation of a part is dead. */
  died(part: string, incarnation: string): void {
    this.#trace.note(part, `${incarnation} is dead`);
    this.troubles.died(part, this.#nowUs());
    this.firings.begunAnew(part);
    this.#dead.add(incarnation);
  }

  isDead(incarnation: string): boolean {
    return this.#dead.has(incarnation);
  }

  /** The node has told that it has the rules that it was given. */
  inForce(): void {
    this.firings.inForce();
    this.windows.inForce(this.#nowUs());
  }

  /** Calls back once, when an instruction that a rule gave a reason for begins next. */
  whenRuleActs(callback: () => void): void {
    this.#whenBegun.push(callback);
  }

  /** A handler was called. */
  began(beginning: Beginning): Performance {
    const { part, incarnation, instruction, isIdempotent } = beginning;
    const { id, action } = instruction;
    this.#trace.note(part, `begins ${action} ${id}`);
    const { performances } = this.records.of(id);
    for (const earlier of performances) {
      if (earlier.incarnation === incarnation)
        this.breach("an incarnation begins an id once", `${part} began ${action} ${id} again`);
      else if (!isIdempotent)
        this.breach(
          "only what is idempotent is begun by two incarnations",
          `${part} began ${action} ${id}, which ${earlier.incarnation} had begun`,
        );
    }
    this.#checkDeadline(beginning);
    if (performances.length === 0) this.#checkOrder(beginning);
    this.#checkCall(instruction);
    const performance: Performance = {
      id,
      part,
      incarnation,
      isIdempotent,
      isVolatile: instruction.args["durability"] === "memory",
      begunAtUs: this.#nowUs(),
      reason: instruction.args["reason"],
      state: "running",
      endedAtUs: Number.NaN,
    };
    performances.push(performance);
    if (performance.reason !== undefined)
      for (const callback of this.#whenBegun.splice(0)) callback();
    return performance;
  }

  /** A handler has done its work, or failed at it. */
  finished(performance: Performance, how: "returned" | "threw"): void {
    this.#trace.note(performance.part, `${how} from ${performance.id}`);
    performance.state = how;
    performance.endedAtUs = this.#nowUs();
  }

  /** A caller was answered. */
  answered({ call, durability, run, documents }: Answer): void {
    for (const { id, status, endedAt } of documents) {
      const record = this.records.of(id);
      record.acceptance ??= { call, durability, run, atUs: this.#nowUs() };
      if (record.acceptance.call !== call)
        this.breach("an id is of one call", `${id} of ${record.acceptance.call} told to ${call}`);
      if (endedAt === null) continue;
      const { toldToStay } = record;
      if (toldToStay !== undefined && toldToStay !== status)
        this.breach("an end stays", `${id} was told as ${toldToStay}, now ${status}`);
      if (this.#isEndOnDisk(id)) record.toldToStay = status;
      else if (durability === "disk")
        this.breach("an end is told once it is on disk", `${id} was told as ${status} to ${call}`);
    }
  }

  /** The node has ended an instruction. */
  ended(run: number, document: InstructionDocument, isDraining: boolean): void {
    const { id, status, agent, part } = document;
    const code = document.error?.code;
    this.#trace.note("node", `ended ${id} ${document.action} of ${agent}: ${status} ${code ?? ""}`);
    this.#endsOfRun.set(run, this.endsOf(run) + 1);
    const record = this.records.of(id);
    for (const earlier of record.ends) {
      if (earlier.run === run && !record.isDropped)
        this.breach("an id ends once", `${id}: ${earlier.status}, ${status}`);
      else if (this.#isEndOnDisk(id))
        this.breach("what has ended on disk stays", `${id}: ${earlier.status}, then ${status}`);
    }
    record.ends.push({ run, status, code, atUs: this.#nowUs() });
    this.#checkEnd(document);
    if (code === "OUTCOME_UNKNOWN" && part !== null && !isDraining)
      this.#checkUnknown(`${agent}/${part}`, document);
  }

  /** A caller was refused, and had not asked before: nothing must come of it. */
  refused(call: string): void {
    this.#refused.add(call);
    if (this.#begunCalls.has(call)) this.breach("what was refused is not begun", call);
  }

  /** A run of the node is over, whose ledger this is; its figures are of earlier runs too. */
  runEnded(run: number, ledger: Pick<Ledger, "endedCounts" | "figures">): void {
    const { counts } = ledger.figures();
    let counted = 0;
    for (const status of instructionStatuses) {
      counted += ledger.endedCounts[status];
      if (counts[status] < ledger.endedCounts[status])
        this.breach("the ledger's figures have what has ended", `run ${run} of ${status}`);
    }
    if (counted !== this.endsOf(run))
      this.breach(
        "the ledger adds up",
        `run ${run} counted ${counted} and told of ${this.endsOf(run)}`,
      );
  }

  /** How many ends a run of the node told of. */
  endsOf(run: number): number {
    return this.#endsOfRun.get(run) ?? 0;
  }

  /** That what ended with a status is what happened at the agents. */
  #checkEnd({ id, status, error }: InstructionDocument): void {
    const { performances } = this.records.of(id);
    const has = (state: Performance["state"]): boolean =>
      performances.some((performance) => performance.state === state);
    if (status === "executed" && !has("returned"))
      this.breach("executed is what an agent executed", id);
    if (error?.code === "HANDLER_FAILED" && !has("threw"))
      this.breach("a handler that failed has thrown", id);
    if (status !== "executed" && status !== "failed" && performances.length > 0)
      this.breach("what did not begin was not begun", `${id} is ${status} ${error?.code ?? ""}`);
  }

  /** That an unknown outcome was not known. */
  #checkUnknown(part: string, { id, createdAt }: InstructionDocument): void {
    const nowUs = this.#nowUs();
    const fromUs = parseTime(createdAt) - noticedWithinUs;
    if (this.troubles.hasDied(part, fromUs, nowUs)) return;
    if (this.troubles.touches(part, fromUs, nowUs)) return;
    if (this.troubles.touches("node", fromUs, nowUs)) return;
    this.breach("an unknown outcome has a reason", `${id} at ${part}`);
  }

  #checkDeadline({ part, incarnation, rttUs, instruction }: Beginning): void {
    if (rttUs !== undefined) this.#rttUs.set(incarnation, rttUs);
    const knownUs = this.#rttUs.get(incarnation);
    const nowUs = this.#nowUs();
    const lateUs = nowUs - instruction.deadlineUs;
    const areClocksApart = this.troubles.touches(clocksApart(part), nowUs, nowUs);
    const allowanceUs = areClocksApart ? clocksApartUs : driftAllowanceUs;
    if (knownUs === undefined || lateUs <= knownUs / 2 + allowanceUs) return;
    this.breach(
      "none begins after its deadline",
      `${part} began ${instruction.id} ${lateUs} µs late, with a round trip of ${knownUs} µs`,
    );
  }

  #checkCall({ id, args }: Instruction): void {
    const call = args["call"];
    if (typeof call !== "string") return;
    this.#begunCalls.add(call);
    if (this.#refused.has(call)) this.breach("what was refused is not begun", `${call}: ${id}`);
  }

  #checkOrder({ part, instruction }: Beginning): void {
    const { id, action, args, priority, createdAtUs } = instruction;
    if (args["durability"] !== "disk") return;
    const key = `${part} ${action} ${priority}`;
    const last = this.#lastBegun.get(key);
    const isBehind = last !== undefined && last.createdAtUs > createdAtUs;
    const nowUs = this.#nowUs();
    const isExcused =
      this.troubles.touches("disk", createdAtUs, nowUs) ||
      this.troubles.touches("node", createdAtUs, nowUs);
    if (isBehind && !isExcused)
      this.breach(
        "instructions of one agent, action and priority begin in order",
        `${part} began ${id} after ${last.id}`,
      );
    if (!isBehind) this.#lastBegun.set(key, { createdAtUs, id });
  }
}
