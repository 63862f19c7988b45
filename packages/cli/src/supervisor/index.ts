/** Supervises real processes: starts, measures, steers and restarts them as a part of an agent. */
export { handleActions } from "./actions.ts";
export { canThrottleByCgroup } from "./cgroup-rights.ts";
export type {
  HeldState,
  SupervisorHandler,
  SupervisorInstruction,
  SupervisorLink,
} from "./link.ts";
export { assertSamplingSupported } from "./proc-sampler.ts";
export {
  parseRestartPolicy,
  type ProcessOutcome,
  type RestartOptions,
  type RestartPolicy,
} from "./restart-policy.ts";
export { exitStatusOf, type SupervisorOutcome } from "./state.ts";
export { Supervisor, type SupervisorOptions } from "./supervisor.ts";
