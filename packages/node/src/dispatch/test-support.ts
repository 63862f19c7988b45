import { VirtualClock } from "@myelin/core/clock";
import type { MyelinError } from "@myelin/core/errors";
import {
  type AgentId,
  instructionIdOf,
  parseActionName,
  parseAgentId,
  parseIncarnation,
  parsePartName,
  type PartName,
} from "@myelin/core/ids";
import type { InstructionDocument } from "@myelin/core/instruction";
import { seededRandom } from "@myelin/core/random";
import { planRule, type RulePlan, type RuleSource } from "@myelin/core/rules";
import type { Acknowledgement, InstructionMessage } from "@myelin/core/wire";
import {
  createMemoryStore,
  type MemoryDisk,
  type MemoryStore,
} from "../adapters/memory-store/index.ts";
import type { Firing } from "../engine/index.ts";
import { type Instruction, type StageTimes, unknownStageTimes } from "../instruction/index.ts";
import { Ledger } from "../ledger/index.ts";
import type { Agent, Part } from "../registry/index.ts";
import { Scheduler } from "../scheduler/index.ts";
import { settledOn } from "../test-support.ts";
import { ByHand, type Order } from "./by-hand.ts";
import { Dispatch, type DispatchOptions, type RuleFeedback } from "./dispatch.ts";
import type { DeliverySession } from "./recipient.ts";
import { instructionOfRecord } from "./sources.ts";

export const startUs = 1_790_000_000_000_000;
export const secondUs = 1e6;

/** A session that notes what it is told to send. */
export class FakeSession implements DeliverySession {
  isLive = true;
  isAnswering = true;
  /** What the part's clock is ahead of the node's. */
  aheadUs = 0;
  readonly sent: InstructionMessage[] = [];
  readonly canceled: string[] = [];
  /** Instructions and cancellations in their order. */
  readonly log: string[] = [];
  readonly settled: string[] = [];
  readonly agent: Agent;
  readonly part: Part;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock, agent: Agent, part: Part) {
    this.#clock = clock;
    this.agent = agent;
    this.part = part;
  }

  answers(): boolean {
    return this.isLive && this.isAnswering;
  }

  sendInstruction(message: InstructionMessage): number {
    this.sent.push(message);
    this.log.push(`instruction ${message.id}`);
    return 100;
  }

  sendCancellation(id: string): void {
    this.canceled.push(id);
    this.log.push(`cancellation ${id}`);
  }

  sendSettlement(ids: readonly string[]): void {
    this.settled.push(...ids);
  }

  toNodeTimeUs(partTimeUs: number): number {
    return partTimeUs - this.aheadUs;
  }

  /** Ids of what was sent. */
  get sentIds(): string[] {
    return this.sent.map(({ id }) => id);
  }

  /** An acknowledgement as the part would write it now. */
  says(
    id: string,
    status: Acknowledgement["status"],
    more: Partial<Acknowledgement> = {},
  ): Acknowledgement {
    const atUs = this.#clock.nowUs() + this.aheadUs;
    const isDone = status === "executed" || status === "failed";
    return {
      instructionId: id,
      status,
      action: "",
      receivedAtUs: atUs,
      begunAtUs: isDone || status === "received" ? atUs : 0,
      endedAtUs: status === "received" ? 0 : atUs,
      ...more,
    };
  }
}

/** A plan of a rule named `hot` that restarts. */
export function plan(changes: Partial<RuleSource> = {}): RulePlan {
  const result = planRule({ name: "hot", expr: "cpu_usage > 0.9", action: "restart", ...changes });
  if (result.plan === undefined) throw new Error(result.problems[0]?.message);
  return result.plan;
}

/** What a world is made of. */
export interface WorldOptions
  extends Partial<
    Pick<
      DispatchOptions,
      "maxOutstanding" | "maxWaiting" | "maxOpen" | "graceUs" | "resendAfterUs" | "breaker"
    >
  > {
  /** What an earlier world has left. */
  readonly disk?: MemoryDisk;
  readonly clock?: VirtualClock;
  readonly maxQueued?: number;
  readonly turnBudgetBytes?: number;
  readonly seed?: number;
}

/** Keeps the episodes of ended instructions, when the test wants it. */
class EpisodesOfTest {
  /** Instructions whose episodes came to be kept. */
  readonly kept: string[] = [];
  /** What the next are told of the disk; at once unless a test has them wait. */
  isOnDisk: Promise<boolean> = Promise.resolve(true);

  keep({ id, episode }: Instruction): Promise<boolean> {
    if (episode === undefined) return Promise.resolve(true);
    this.kept.push(id);
    return this.isOnDisk;
  }
}

/** Dispatch with a ledger and a store in memory, and agents that are made up. */
export class World {
  readonly clock: VirtualClock;
  readonly store: MemoryStore;
  readonly episodes: EpisodesOfTest = new EpisodesOfTest();
  readonly agents: Map<AgentId, Agent> = new Map();
  readonly sessions: Map<AgentId, Map<PartName, FakeSession>> = new Map();
  readonly ledger: Ledger;
  readonly dispatch: Dispatch;
  readonly scheduler: Scheduler;
  readonly byHand: ByHand;
  /** Documents of the ends, in their order. */
  readonly ended: InstructionDocument[] = [];
  readonly told: Parameters<RuleFeedback["instructionEnded"]>[] = [];
  readonly breakers: string[] = [];
  readonly errors: MyelinError[] = [];
  #episodes = 0;

  constructor(options: WorldOptions = {}) {
    const clock = options.clock ?? new VirtualClock(startUs);
    this.clock = clock;
    this.store = createMemoryStore({
      clock,
      ...(options.disk === undefined ? {} : { disk: options.disk }),
    });
    this.ledger = new Ledger({ clock, store: this.store, groupDelayUs: 20_000 });
    const flush = (): void => this.scheduler.drain();
    const sessions = { of: (agent: Agent) => this.sessions.get(agent.id) ?? new Map() };
    const maxOpen = options.maxOpen ?? 1000;
    this.dispatch = new Dispatch(
      {
        clock,
        sessions,
        flush,
        maxOpen,
        store: this.store,
        agents: this.agents,
        ledger: this.ledger,
        episodes: this.episodes,
        rules: { instructionEnded: (...told) => this.told.push(told) },
        maxOutstanding: options.maxOutstanding ?? 64,
        maxWaiting: options.maxWaiting ?? 100,
        delayBelow: 0.5,
        ageingUs: 5_000_000,
        breaker: options.breaker ?? { failuresToOpen: 3, openForUs: 10 * secondUs },
        graceUs: options.graceUs ?? 2 * secondUs,
        resendAfterUs: options.resendAfterUs ?? 2 * secondUs,
        onProgress: () => undefined,
        onEnded: (_, document) => this.ended.push(document),
        onTold: (instruction) => this.byHand.told(instruction),
        onBreakerOpen: (agent, part) => this.breakers.push(`${agent}/${part}`),
        onStoreError: (error) => this.errors.push(error),
      },
      () => this.scheduler,
    );
    this.scheduler = new Scheduler({
      clock,
      capacity: options.maxQueued ?? 1000,
      overloadCapacity: options.maxQueued ?? 1000,
      turnBudgetBytes: options.turnBudgetBytes ?? 1 << 20,
      delayBelow: 0.5,
      ageingUs: 5_000_000,
      maxDelayUs: 100_000,
      weightsEvery: 1000,
      deliver: (instruction) => this.dispatch.deliver(instruction),
      onShed: (instruction) => this.dispatch.shed(instruction),
      onTurnEnd: () => undefined,
    });
    this.byHand = new ByHand({
      clock,
      sessions,
      flush,
      maxOpen,
      random: seededRandom(options.seed ?? 1),
      store: this.store,
      dispatch: this.dispatch,
    });
  }

  /** Takes up what the disk holds, as a node does when it starts. */
  async restore(): Promise<void> {
    const { openInstructions } = await this.settle(this.store.load());
    for (const record of openInstructions) this.dispatch.restore(instructionOfRecord(record));
    await this.clock.run(0);
  }

  /** Makes an agent known, with a part that handles actions (those that end in `!` idempotently). */
  agent(id: string, part = "app", actions: readonly string[] = ["restart"]): Agent {
    const agentId = parseAgentId(id);
    let agent = this.agents.get(agentId);
    if (agent === undefined) {
      agent = {
        id: agentId,
        slot: this.agents.size,
        attributes: { id: agentId, type: "worker", tier: "", labels: {}, capabilities: [] },
        parts: new Map(),
        firstSeenUs: startUs,
        lastSeenUs: startUs,
      };
      this.agents.set(agentId, agent);
    }
    const name = parsePartName(part);
    const attributes = { type: "worker", tier: "", labels: {}, capabilities: [] };
    agent.parts.set(name, {
      name,
      index: agent.parts.size + 1,
      incarnation: parseIncarnation("life-1"),
      timeLine: "t",
      actions: new Map(
        actions.map((action) => [
          parseActionName(action.replace("!", "")),
          { isIdempotent: action.endsWith("!") },
        ]),
      ),
      sdkName: "",
      sdkVersion: "",
      lastSeenUs: startUs,
      actionsFollow: false,
      hold: "running",
      steps: 0,
      declared: attributes,
    });
    return agent;
  }

  /** Makes an agent known, and attaches a session of its part. */
  attach(id: string, part = "app", actions: readonly string[] = ["restart"]): FakeSession {
    const known = this.agents.get(parseAgentId(id));
    const agent =
      known?.parts.has(parsePartName(part)) === true ? known : this.agent(id, part, actions);
    const joined = agent.parts.get(parsePartName(part));
    if (joined === undefined) throw new Error("no part");
    const session = new FakeSession(this.clock, agent, joined);
    const sessions = this.sessions.get(agent.id) ?? new Map<PartName, FakeSession>();
    this.sessions.set(agent.id, sessions.set(joined.name, session));
    this.dispatch.attached(session);
    this.scheduler.drain();
    return session;
  }

  /** The part comes back: the same session anew, or another life of the part. */
  reattach(former: FakeSession, incarnation?: string): FakeSession {
    if (incarnation !== undefined) former.part.incarnation = parseIncarnation(incarnation);
    return this.attach(former.agent.id, former.part.name);
  }

  /** Decides by a rule and delivers. Each call is another episode. */
  fire(
    agent: string,
    more: Partial<Firing> & { readonly times?: Partial<StageTimes> } = {},
  ): Firing {
    const { times, ...changes } = more;
    const nowUs = this.clock.nowUs();
    const rulePlan = more.plan ?? plan();
    const agentId = parseAgentId(agent);
    this.#episodes += 1;
    const episode = {
      rule: rulePlan.name,
      meaningVersion: 1,
      agent: agentId,
      timeLine: "app/life-1/t/0",
      startedAtUs: startUs + this.#episodes,
      attempt: 1,
    };
    const firing: Firing = {
      id: instructionIdOf(episode),
      plan: rulePlan,
      ruleVersion: 1,
      episode,
      slot: this.agents.get(agentId)?.slot ?? 0,
      agent: agentId,
      args: {},
      sampleTimeUs: nowUs,
      impact: 1,
      isShadow: false,
      isSuppressed: false,
      ...changes,
    };
    this.dispatch.fire(firing, { ...unknownStageTimes(), decidedAtUs: nowUs, ...times });
    this.scheduler.drain();
    return firing;
  }

  /** The end of an instruction; undefined while it has none. */
  end(id: string): InstructionDocument | undefined {
    return this.ended.find((document) => document.id === id);
  }

  /** How an instruction ended: status, and code where there is one. */
  endOf(id: string): string {
    const { status, error } = this.end(id) ?? {};
    return error === undefined ? `${status}` : `${status} ${error.code}`;
  }

  open(id: string): Instruction | undefined {
    return [...this.dispatch.open()].find((instruction) => instruction.id === id);
  }

  /** An order by hand for the agents; to restart, unless said otherwise. */
  order(agents: readonly string[], changes: Partial<Order> = {}): Order {
    return {
      to: agents.length === 1 ? parseAgentId(agents[0] ?? "") : undefined,
      agents: () => agents.flatMap((id) => this.agents.get(parseAgentId(id)) ?? []),
      action: parseActionName("restart"),
      args: {},
      priority: 5,
      deadlineUs: 30 * secondUs,
      timeoutUs: 60 * secondUs,
      durability: "disk",
      idempotencyKey: undefined,
      actor: "local",
      ...changes,
    };
  }

  /** Waits for a promise while the clock runs what is due now. */
  async settle<Result>(promise: Promise<Result>, durationUs = 0): Promise<Result> {
    return await settledOn(this.clock, promise, durationUs);
  }
}
