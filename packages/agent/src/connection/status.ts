import type { MyelinError } from "@myelin/core/errors";

/** Where an agent's connection stands. */
export type AgentStatus =
  /** Made, and not asked to connect yet. */
  | { readonly state: "idle" }
  /** Dialing the node, or waiting for its welcome. */
  | {
      readonly state: "connecting";
      readonly url: string;
      /** 1 for the first try since the last live session. */
      readonly attempt: number;
    }
  /** The node has welcomed this agent; what is reported goes out at once. */
  | {
      readonly state: "live";
      readonly url: string;
      readonly sessionId: string;
      readonly nodeId: string;
      /** `device`, `edge` or `cloud`. */
      readonly nodeTier: string;
      /** True when an earlier session goes on. */
      readonly isResumed: boolean;
    }
  /** The connection broke or was refused for now; it is tried again by itself. */
  | {
      readonly state: "waiting";
      /** How many tries have failed since the last live session. */
      readonly attempt: number;
      /** When it is tried again, microseconds since the Unix epoch on the agent's clock. */
      readonly retryAtUs: number;
      readonly cause: MyelinError;
    }
  /** Over for good: closed by the agent itself, or refused for the reason in `cause`. */
  | { readonly state: "closed"; readonly cause?: MyelinError };
