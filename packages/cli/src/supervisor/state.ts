import { constants } from "node:os";
import type { MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import type { ChildRun } from "./child-run.ts";
import type { HeldState } from "./link.ts";
import type { ProcessOutcome } from "./restart-policy.ts";
import type { Throttle } from "./throttle.ts";

/**
 * What follows when the process that is being stopped has ended: it is started again, the supervisor
 * stays without one, it leaves, or the restart policy judges (a kill counts as a crash).
 */
export type AfterStop = "start" | "stay" | "leave" | "judge";

/** How a supervisor ended. */
export interface SupervisorOutcome extends ProcessOutcome {
  /** Why it ended, where that was not the child's own end. */
  readonly error?: MyelinError;
}

/** States in which there is a process. */
export type ActiveState =
  /** It runs freely. */
  | { readonly kind: "running"; readonly run: ChildRun }
  /** It is stopped by SIGSTOP; a throttle waits for it to go on. */
  | { readonly kind: "paused"; readonly run: ChildRun; readonly throttle: Throttle | undefined }
  /** It runs at a share of a core. */
  | { readonly kind: "throttled"; readonly run: ChildRun; readonly throttle: Throttle };

/** A supervisor's life. */
export type SupervisorState =
  /** Not started yet. */
  | { readonly kind: "starting" }
  | ActiveState
  /** It was told to end; no other instruction but another end reaches it. */
  | { readonly kind: "stopping"; readonly run: ChildRun; readonly next: AfterStop }
  /** It was stopped by an instruction; `restart` starts it. */
  | { readonly kind: "stopped" }
  /** It crashed and waits for its restart. */
  | { readonly kind: "backoff"; readonly delayMs: number; readonly timer: NodeJS.Timeout }
  /** The supervisor is done. */
  | { readonly kind: "exited"; readonly outcome: SupervisorOutcome };

/** True when there is a process that can be acted on. */
export function isActive(state: SupervisorState): state is ActiveState {
  return state.kind === "running" || state.kind === "paused" || state.kind === "throttled";
}

/** The throttle in force or waiting. */
export function throttleOf(state: SupervisorState): Throttle | undefined {
  return state.kind === "paused" || state.kind === "throttled" ? state.throttle : undefined;
}

/** What to vouch for: where there is no process nobody can answer, and that is no fault of the part. */
export function heldStateOf(state: SupervisorState): HeldState {
  if (state.kind === "running" || state.kind === "throttled") return state.kind;
  return "paused";
}

/** The twin's view of the process, and the core of every result. */
export function describeProcess(
  state: SupervisorState,
  life: { readonly command: string; readonly restarts: number; readonly exit: JsonObject | null },
): JsonObject {
  const run = "run" in state ? state.run : undefined;
  const throttle = throttleOf(state);
  return {
    state: state.kind,
    pid: run?.pid ?? null,
    startedAt: run === undefined ? null : new Date(run.startedAtMs).toISOString(),
    throttle: throttle === undefined ? null : { cpu: throttle.cpu, mode: throttle.mode },
    ...life,
  };
}

export function exitOf(outcome: ProcessOutcome | undefined): JsonObject | null {
  return outcome === undefined ? null : { code: outcome.code, signal: outcome.signal };
}

/** The exit status for a process's end, as shells give it: 128 and the number of the signal that ended it. */
export function exitStatusOf({ code, signal }: ProcessOutcome): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
