import type { JsonObject, JsonValue } from "@myelin/core/json";

/** How a part is held, as the supervisor vouches for it. */
export type HeldState = "running" | "paused" | "throttled";

/** One instruction as the supervisor sees it. */
export interface SupervisorInstruction {
  readonly id: string;
  readonly action: string;
  readonly args: JsonObject;
}

/** Performs an instruction; what it resolves to is the result, what it throws the error. */
export type SupervisorHandler = (
  instruction: SupervisorInstruction,
  context: { readonly signal: AbortSignal },
) => Promise<JsonObject>;

/** What a supervisor needs of its agent's session; the SDK's agent fits, and so does a test's record. */
export interface SupervisorLink {
  /** Samples by metric name, all of this instant. */
  report(samples: Readonly<Record<string, number>>): void;
  event(type: string, attributes: JsonObject): void;
  /** Merges into the agent's twin. */
  patchState(patch: { readonly [key: string]: JsonValue }): void;
  /** Vouches for another part that may be unable to answer. */
  vouch(part: string, state: HeldState): void;
  /** Takes an action. An idempotent one may be performed again by a later incarnation. */
  on(action: string, handler: SupervisorHandler, options?: { readonly idempotent?: boolean }): void;
}
