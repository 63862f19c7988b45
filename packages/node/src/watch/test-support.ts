import { VirtualClock } from "@myelin/core/clock";
import { parseActionName, parseAgentId, parseInstructionId, parseRuleName } from "@myelin/core/ids";
import { seededRandom } from "@myelin/core/random";
import type { AgentAttributes } from "@myelin/core/rules";
import { type Instruction, unknownStageTimes } from "../instruction/index.ts";
import { TestSink } from "../test-sink.ts";
import { parseCursor } from "./cursor.ts";
import { parseFilter, type WatchFilterTexts } from "./filter.ts";
import { Watch, type WatchSettings } from "./watch.ts";

const startUs = 1_790_000_000_000_000;

/** A station in virtual time. */
export class WatchWorld {
  readonly clock: VirtualClock;
  readonly watch: Watch;

  constructor(settings: Partial<WatchSettings> = {}, seed = 1) {
    this.clock = new VirtualClock(startUs);
    this.watch = new Watch({
      clock: this.clock,
      random: seededRandom(seed),
      agents: { get: (id) => ({ attributes: attributesOf(id) }) },
      settings: {
        maxWatchers: 4,
        maxWatchEvents: 100,
        maxWatchBytes: 1 << 20,
        watcherBytes: 10_000,
        watchKeepAliveUs: 15e6,
        watchLingerUs: 30e6,
        ...settings,
      },
    });
  }

  open(cursor?: string, filter: WatchFilterTexts = {}): TestSink {
    const sink = new TestSink();
    sink.source = this.watch.open(
      {
        filter: parseFilter(filter),
        cursor: cursor === undefined ? undefined : parseCursor(cursor),
      },
      sink,
    );
    return sink;
  }

  /** Something happens to an agent; `mark` tells one event from another. */
  happen(mark: number, agent = "w1"): void {
    const id = parseAgentId(agent);
    this.watch.agent("connected", id, attributesOf(agent), { mark });
  }

  episode(rule: string, agent = "w1"): void {
    const id = parseAgentId(agent);
    const name = parseRuleName(rule);
    this.watch.episode("firing", name, id, attributesOf(agent), () => ({ values: {} }));
  }

  /** Lets deferred work be done. */
  async turn(): Promise<void> {
    await this.clock.run(0);
  }
}

function attributesOf(agent: string): AgentAttributes {
  const type = agent.startsWith("t") ? "trader" : "worker";
  return { id: agent, type, tier: "edge", labels: {}, capabilities: [] };
}

/** An instruction by hand that was just accepted. */
export function instructionOf(agent = "w1"): Instruction {
  return {
    id: parseInstructionId("i1"),
    agent: parseAgentId(agent),
    action: parseActionName("restart"),
    args: {},
    priority: 5,
    slaUs: undefined,
    score: 0.5,
    impact: 1,
    createdAtUs: startUs,
    deadlineUs: startUs + 1e6,
    timeoutUs: 1e6,
    episode: undefined,
    actor: "local",
    batch: undefined,
    isDurable: true,
    isByHand: true,
    isHeldBack: false,
    times: unknownStageTimes(),
    status: "accepted",
    recipient: undefined,
    lastSentAtUs: Number.NEGATIVE_INFINITY,
    isCancelRequested: false,
    isOutlived: false,
    dueUs: 0,
    duePlace: -1,
    endedAtUs: undefined,
    result: undefined,
    error: undefined,
  };
}
