import type { ErrorCode } from "@myelin/core/errors";
import type {
  ActionName,
  AgentId,
  Incarnation,
  InstructionId,
  PartName,
  RuleName,
} from "@myelin/core/ids";
import type { InstructionStatus } from "@myelin/core/instruction";
import type { JsonObject, JsonValue } from "@myelin/core/json";
import type { TraceParent } from "./trace-parent.ts";

/** The instants that bound the stages of an instruction, on the node's clock in microseconds; NaN where unknown. */
export interface StageTimes {
  /** Event time of the sample that caused it. */
  sampledAtUs: number;
  /** When the agent handed the sample's frame to its transport. */
  framedAtUs: number;
  /** When the node had read the frame. */
  arrivedAtUs: number;
  /** When the frame's columns were decoded and mapped. */
  computedAtUs: number;
  /** When the rule had decided; for an instruction by hand, when it came to be. */
  decidedAtUs: number;
  /** When the node had written it towards the agent. */
  writtenAtUs: number;
  /** When the agent had received it. */
  receivedAtUs: number;
  /** When the agent's handler was done. */
  executedAtUs: number;
}

/** The part of the engine's decision that an instruction carries to the agent and back. */
export interface InstructionEpisode {
  readonly rule: RuleName;
  readonly ruleVersion: number;
  readonly meaningVersion: number;
  readonly timeLine: string;
  readonly startedAtUs: number;
  readonly attempt: number;
  /** Newest sample of the time line that was applied when it was decided, on its part's clock; 0 when there was none. */
  readonly appliedUntilUs: number;
}

/** The incarnation of a part that an instruction was, or may have been, sent to. */
export interface Recipient {
  readonly part: PartName;
  readonly incarnation: Incarnation;
}

/**
 * Which bound an instruction of a rule was shed at: the scheduler's queue, the same while the node is
 * overloaded, what waits for one agent, or all that is open in the node.
 */
export type ShedReason = "queue" | "overload" | "agent" | "open";

/** An instruction that lives in the node, from acceptance to its end. */
export interface Instruction {
  readonly id: InstructionId;
  readonly agent: AgentId;
  readonly action: ActionName;
  readonly args: JsonObject;
  /** Business weight, 1 to 10. */
  readonly priority: number;
  readonly slaUs: number | undefined;
  /** How many agents its rule fired on when it was decided; 1 for an instruction by hand. */
  readonly impact: number;
  /** Rank in the scheduler, 0 to 1, by the weights in force when it was last queued. */
  score: number;
  readonly createdAtUs: number;
  readonly deadlineUs: number;
  readonly timeoutUs: number;
  /** The rule's episode; undefined for an instruction by hand. */
  readonly episode: InstructionEpisode | undefined;
  /** Who caused it: `rule:NAME`, or the caller. */
  readonly actor: string;
  /** Instructions of one call share it. */
  readonly batch: string | undefined;
  /** True when it is on disk from its acceptance on. */
  readonly isDurable: boolean;
  /** True when a caller asked for it and was told that it is accepted: it is never shed. */
  readonly isByHand: boolean;
  /** True when it is accounted and by design not sent: its rule is in shadow mode, or its rule's breaker is open. */
  readonly isHeldBack: boolean;
  readonly times: StageTimes;
  status: InstructionStatus;
  /** Set before it is sent, and on disk before that when it is durable. */
  recipient: Recipient | undefined;
  /** Node's clock of the latest sending, known or possible; -Infinity when it was never sent. */
  lastSentAtUs: number;
  /** True when a caller wants it called off and it may have left already. */
  isCancelRequested: boolean;
  /** True when an earlier life of the part was given it, and may have done it: no later word can say that it was not done. */
  isOutlived: boolean;
  /** Set when it is shed while it waits. */
  shedFor?: ShedReason;
  /** The span of its caller, where that named one; not kept over a restart of the node. */
  traceParent?: TraceParent;
  /** When dispatch looks at it next, and its place among those it looks at; dispatch keeps both. */
  dueUs: number;
  duePlace: number;
  /** Node's clock of its end. */
  endedAtUs: number | undefined;
  result: JsonValue | undefined;
  error: { readonly code: ErrorCode; readonly message: string } | undefined;
}

/** Stage times of which nothing is known yet. */
export function unknownStageTimes(): StageTimes {
  return {
    sampledAtUs: Number.NaN,
    framedAtUs: Number.NaN,
    arrivedAtUs: Number.NaN,
    computedAtUs: Number.NaN,
    decidedAtUs: Number.NaN,
    writtenAtUs: Number.NaN,
    receivedAtUs: Number.NaN,
    executedAtUs: Number.NaN,
  };
}

/** True when it has left the node, or may have in an earlier run: what became of it is not for the node alone to say. */
export function wasSent(instruction: Instruction): boolean {
  return instruction.lastSentAtUs > Number.NEGATIVE_INFINITY;
}

/** True when nothing can happen to it any more. */
export function isEnded(instruction: Instruction): boolean {
  return instruction.endedAtUs !== undefined;
}
