import type { ActionName, PartName } from "@myelin/core/ids";
import type { Acknowledgement, InstructionMessage } from "@myelin/core/wire";
import type { Agent, Part } from "../registry/index.ts";

/** A session of a part, as dispatch sees it. */
export interface DeliverySession {
  readonly agent: Agent;
  readonly part: Part;
  /** True while a connection carries the session. */
  readonly isLive: boolean;
  /** True while the part answers: live, heard of lately, and not held still. */
  answers(nowUs: number): boolean;
  /** Queues an instruction for the next frame to the part; returns its size in bytes. */
  sendInstruction(message: InstructionMessage): number;
  sendCancellation(instructionId: string): void;
  sendSettlement(instructionIds: readonly string[]): void;
  /** Puts an instant of the part's clock on the node's clock. */
  toNodeTimeUs(partTimeUs: number): number;
}

/** The sessions of agents, as dispatch sees them. */
export interface Sessions {
  of(agent: Agent): ReadonlyMap<PartName, DeliverySession>;
}

/** Where an instruction goes. */
export type Route =
  /** To this session, now. */
  | { readonly kind: "session"; readonly session: DeliverySession }
  /** Nowhere yet: the part that handles it is away. */
  | { readonly kind: "away"; readonly part: Part }
  /** Nowhere: no part handles the action. */
  | { readonly kind: "unhandled" };

/**
 * Chooses the part that an action goes to: of those that handle it `app` while it answers, else
 * `supervisor`, else whichever is live; parts that are away count only when none is live.
 */
export function routeOf(
  agent: Agent,
  action: ActionName,
  sessions: ReadonlyMap<PartName, DeliverySession>,
  nowUs: number,
): Route {
  let best: DeliverySession | undefined;
  let bestRank = 0;
  let away: Part | undefined;
  for (const part of agent.parts.values()) {
    if (!part.actions.has(action)) continue;
    const session = sessions.get(part.name);
    if (session === undefined || !session.isLive) {
      if (away === undefined || part.name === "app") away = part;
      continue;
    }
    const rank = rankOf(session, nowUs);
    if (rank > bestRank) {
      best = session;
      bestRank = rank;
    }
  }
  if (best !== undefined) return { kind: "session", session: best };
  return away === undefined ? { kind: "unhandled" } : { kind: "away", part: away };
}

function rankOf(session: DeliverySession, nowUs: number): number {
  if (session.answers(nowUs)) {
    if (session.part.name === "app") return 4;
    return session.part.name === "supervisor" ? 3 : 2;
  }
  return 1;
}

/** True for an acknowledgement that ends its instruction. */
export function isFinal(acknowledgement: Acknowledgement): boolean {
  return acknowledgement.status !== "received";
}
