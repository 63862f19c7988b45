import type { Channel } from "@myelin/core/channel";
import type { Timer } from "@myelin/core/clock";
import type { MyelinError } from "@myelin/core/errors";
import type { Welcome } from "@myelin/core/wire";
import type { AgentStatus } from "./status.ts";

/** Where a connection is in its life, with what it holds there; the meanings are those of AgentStatus. */
export type ConnectionState =
  | { readonly kind: "idle" }
  | {
      readonly kind: "connecting";
      readonly url: string;
      readonly attempt: number;
      readonly channel: Channel;
      /** Ends the try. */
      readonly timer: Timer;
    }
  | {
      readonly kind: "live";
      readonly url: string;
      readonly channel: Channel;
      readonly welcome: Welcome;
    }
  | {
      readonly kind: "waiting";
      readonly attempt: number;
      /** Begins the next try. */
      readonly timer: Timer;
      readonly retryAtUs: number;
      readonly cause: MyelinError;
    }
  | { readonly kind: "closed"; readonly cause?: MyelinError };

/** What is shown of a state. */
export function statusOf(state: ConnectionState): AgentStatus {
  switch (state.kind) {
    case "idle":
      return { state: "idle" };
    case "connecting":
      return { state: "connecting", url: state.url, attempt: state.attempt };
    case "live": {
      const { sessionId, nodeId, nodeTier, isResumed } = state.welcome;
      return { state: "live", url: state.url, sessionId, nodeId, nodeTier, isResumed };
    }
    case "waiting": {
      const { attempt, retryAtUs, cause } = state;
      return { state: "waiting", attempt, retryAtUs, cause };
    }
    case "closed":
      return state.cause === undefined
        ? { state: "closed" }
        : { state: "closed", cause: state.cause };
  }
}
