import type { ReadonlyFew } from "../few/index.ts";
import type { ActionName, PartName } from "@myelin/core/ids";
import type { InstructionMessage } from "@myelin/core/wire";
import type { Instruction } from "../instruction/index.ts";
import type { Agent, Part } from "../registry/index.ts";

/** A session of a part, as dispatch sees it. */
export interface DeliverySession {
  readonly agent: Agent;
  readonly part: Part;
  /** True while a connection carries the session. */
  readonly isLive: boolean;
  /** True while the part answers: live, heard of lately, and not held still. */
  answers(nowUs: number): boolean;
  /**
   * Queues an instruction for the next frame to the part; returns its size in bytes.
   * @throws MyelinError INVALID_ARGUMENT for one that cannot be written; nothing is queued then
   */
  sendInstruction(message: InstructionMessage): number;
  sendCancellation(instructionId: string): void;
  sendSettlement(instructionIds: readonly string[]): void;
  /** Puts an instant of the part's clock on the node's clock. */
  toNodeTimeUs(partTimeUs: number): number;
}

/** The sessions of agents, as dispatch sees them. */
export interface Sessions {
  of(agent: Agent): ReadonlyFew<PartName, DeliverySession>;
}

/**
 * Chooses the part that an action goes to: of those that handle it and answer `app`, else `supervisor`,
 * else any; of those that are live but do not answer the same; `away` when none is live, `unhandled`
 * when no part of the agent handles the action.
 */
export function routeOf(
  agent: Agent,
  action: ActionName,
  sessions: ReadonlyFew<PartName, DeliverySession>,
  nowUs: number,
): DeliverySession | "away" | "unhandled" {
  let best: DeliverySession | undefined;
  let bestRank = 0;
  let isHandled = false;
  for (const part of agent.parts.values()) {
    if (!part.actionsFollow && !part.actions.has(action)) continue;
    isHandled = true;
    if (part.actionsFollow) continue;
    const session = sessions.get(part.name);
    if (session === undefined || !session.isLive) continue;
    const rank = rankOf(part.name) + (session.answers(nowUs) ? 3 : 0);
    if (rank > bestRank) {
      best = session;
      bestRank = rank;
    }
  }
  return best ?? (isHandled ? "away" : "unhandled");
}

function rankOf(part: PartName): number {
  if (part === "app") return 3;
  return part === "supervisor" ? 2 : 1;
}

/** True when the instruction was, or was meant to be, sent to this life of the part. */
export function isRecipient(instruction: Instruction, { part }: DeliverySession): boolean {
  const { recipient } = instruction;
  return recipient?.part === part.name && recipient.incarnation === part.incarnation;
}
