import type { ChannelEnd } from "@myelin/core/channel";
import type { Acknowledgement } from "@myelin/core/wire";
import type { Agent } from "../registry/index.ts";
import type { PartSession } from "./part-session.ts";

/** How a part came to be attached. */
export interface Attachment {
  readonly isResumed: boolean;
  readonly isNewIncarnation: boolean;
  /** True for a further hello on the connection of a part that is attached already. */
  readonly isFurther: boolean;
  /** True when from now on instructions can be sent over this connection, and none was before. */
  readonly isOpening: boolean;
}

/** What the rest of the node hears of sessions. */
export interface SessionListener {
  /**
   * A part is attached, anew or again; `outcomes` is what it says became of recent instructions. Told
   * once more (`isFurther`) when a further hello of a live part has outcomes, or the actions that an earlier one left open.
   */
  onAttached(session: PartSession, how: Attachment, outcomes: readonly Acknowledgement[]): void;
  onAcknowledgement(session: PartSession, acknowledgement: Acknowledgement): void;
  /** A session lost its connection or is over. */
  onDetached(session: PartSession, end: ChannelEnd): void;
  /** The frame is done; what was decided is to be delivered before sessions are flushed. */
  onTurnEnd(): void;
  /** The node's own observation of an agent's worst silence, in seconds. */
  onHeartbeatAge(agent: Agent, ageSeconds: number, nowUs: number): void;
}
